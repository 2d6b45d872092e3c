// What may play the instrument beside the page: a microphone, and MIDI keyboards.

/** @type {Record<string, string>} */
const REFUSALS = {
  NotAllowedError: "The microphone was not allowed; allow it in the browser's settings for this page.",
  NotFoundError: "No microphone was found; plug one in.",
  NotReadableError: "The microphone is used by another program.",
  OverconstrainedError: "The chosen input is no longer there; choose another one.",
};

/**
 * Open a microphone without any of the processing that is for speech.
 * @param {AudioContext} context
 * @param {string} device Its id; the browser's choice if empty.
 * @param {() => void} onended When it is unplugged.
 */
export async function openMicrophone(context, device, onended) {
  if (!navigator.mediaDevices?.getUserMedia)
    throw new Error("The browser gives the microphone only to pages that come by https, or from this machine.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
        ...(device ? { deviceId: { exact: device } } : {}),
      },
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    throw new Error(REFUSALS[name] ?? "The microphone could not be opened.");
  }
  const [track] = stream.getAudioTracks();
  track.onended = onended;
  const node = context.createMediaStreamSource(stream);
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "audioinput");
  return {
    node,
    devices,
    device: track.getSettings().deviceId ?? "",
    close() {
      track.onended = null;
      track.stop();
      node.disconnect();
    },
  };
}

/**
 * Listen to all MIDI keyboards, also to those that are plugged in later.
 * @param {(bytes: Uint8Array) => void} onmessage
 * @param {(names: string[], isFewer: boolean) => void} onchange The keyboards that are there, and whether one went away.
 */
export async function openMidi(onmessage, onchange) {
  if (!navigator.requestMIDIAccess) throw new Error("This browser has no MIDI; Chrome, Edge and Firefox have it.");
  let access;
  try {
    access = await navigator.requestMIDIAccess();
  } catch {
    throw new Error("MIDI was not allowed; allow it in the browser's settings for this page.");
  }
  const { inputs } = access;
  let nBefore = -1;
  const listen = () => {
    const connected = [...inputs.values()].filter((one) => one.state !== "disconnected");
    for (const input of connected) input.onmidimessage = ({ data }) => data && onmessage(data);
    if (connected.length === nBefore) return;
    onchange(connected.map((one) => one.name ?? "a keyboard"), connected.length < nBefore);
    nBefore = connected.length;
  };
  access.onstatechange = listen;
  listen();
}
