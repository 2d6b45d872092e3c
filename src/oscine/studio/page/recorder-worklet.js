// Collects what the microphone gives, on the audio thread, and sends it in blocks.

const BLOCK = 2048;
const scope = /** @type {any} */ (globalThis);

scope.registerProcessor(
  "recorder",
  class extends scope.AudioWorkletProcessor {
    constructor() {
      super();
      this.block = new Float32Array(BLOCK);
      this.filled = 0;
      this.isEnded = false;
      this.hasBegun = false;
      this.port.onmessage = () => {
        this.isEnded = true;
        this.port.postMessage(this.block.slice(0, this.filled));
        this.port.postMessage("end");
      };
    }

    /** @param {Float32Array[][]} inputs */
    process([channels]) {
      const n = channels[0]?.length ?? 0;
      if (n && !this.hasBegun) this.port.postMessage({ began: scope.currentTime });
      this.hasBegun ||= n > 0;
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (const channel of channels) sum += channel[i];
        this.block[this.filled++] = sum / channels.length;
        if (this.filled < BLOCK) continue;
        if (!this.isEnded) this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
      return !this.isEnded;
    }
  },
);
