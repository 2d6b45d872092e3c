// A WAV file of one channel, in 16 or 24 bits.

/**
 * @param {Float32Array[]} blocks Samples, one block after the other; 1 is full scale.
 * @param {number} rate In Hz.
 * @param {16 | 24} bits
 * @returns {Blob}
 */
export function wav(blocks, rate, bits) {
  const bytes = bits / 8;
  const size = bytes * blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + size));
  const text = (/** @type {number} */ at, /** @type {string} */ word) =>
    [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * bytes, true);
  view.setUint16(32, bytes, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, size, true);
  const full = 2 ** (bits - 1);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      const value = Math.max(-full, Math.min(full - 1, Math.round(sample * full)));
      if (bits === 24) view.setUint8(at, value & 255);
      view.setInt16(at + bytes - 2, bits === 24 ? value >> 8 : value, true);
      at += bytes;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
