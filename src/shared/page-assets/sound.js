/**
 * The phone's ring and voice, where the browser has them and the visitor wants them. Nothing depends on either: what is
 * heard is seen as well.
 */

const STORAGE_KEY = 'ringback-sound';
/** The tones of a North American ring, in hertz, and its rhythm, in seconds. */
const TONES = [440, 480];
const RING_SECONDS = 2;
const PAUSE_SECONDS = 2;
const VOLUME = 0.06;

let context;
let voice;

export const isSoundOn = () => localStorage.getItem(STORAGE_KEY) !== 'off';

/** @param {boolean} on */
export function turnSound(on) {
  localStorage.setItem(STORAGE_KEY, on ? 'on' : 'off');
  if (on) return;
  context?.close();
  context = undefined;
  globalThis.speechSynthesis?.cancel();
}

/** Browsers are silent until the visitor has touched the page; asking them earlier only makes them complain. */
const isAllowed = () => isSoundOn() && navigator.userActivation?.hasBeenActive === true;

/** Rings until the function returned is called. */
export function ring() {
  if (!isAllowed() || !globalThis.AudioContext) return () => {};
  context ??= new AudioContext();
  const volume = context.createGain();
  volume.gain.value = 0;
  volume.connect(context.destination);
  const tones = TONES.map((frequency) => {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(volume);
    tone.start();
    return tone;
  });
  const burst = () => {
    const now = volume.context.currentTime;
    volume.gain.setTargetAtTime(VOLUME, now, 0.02);
    volume.gain.setTargetAtTime(0, now + RING_SECONDS, 0.05);
  };
  burst();
  const timer = setInterval(burst, (RING_SECONDS + PAUSE_SECONDS) * 1000);
  return () => {
    clearInterval(timer);
    for (const tone of tones) tone.disconnect();
    volume.disconnect();
  };
}

/** Says a text, digit by digit. The function returned ends it. */
export function say(text) {
  const speech = globalThis.speechSynthesis;
  if (!isAllowed() || !speech) return () => {};
  voice = new SpeechSynthesisUtterance(text.replace(/\d(?=\d)/g, '$&, ')); // kept: a collected one falls silent
  voice.lang = 'en-US';
  voice.rate = 0.9;
  speech.cancel();
  speech.speak(voice);
  return () => speech.cancel();
}
