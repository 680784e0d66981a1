// A stretch of time as a film or a GIF: what the stage shows is drawn onto a canvas, picture by picture; a film is recorded by the browser, a GIF made
// by gifenc.js. Loaded when somebody asks for it (link.js).
const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS_A_SECOND = 4_000_000;
const MOST_SECONDS = { film: 300, gif: 60 };
// From one picture of a GIF to the next, at least.
const GIF_MS = 100;
// Of 256 colours one is "as before".
const GIF_COLOURS = 255;

const drawn = async (svg, paint) => {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return paint(image);
  } finally {
    URL.revokeObjectURL(url);
  }
};

/** A canvas with the stage on it; `even` as codecs want its sides. */
const canvasOf = async (sides, options) => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", options);
  const paint = image => context.drawImage(image, 0, 0, canvas.width, canvas.height);
  await drawn(orrery.svg(), image => {
    [canvas.width, canvas.height] = [image.width, image.height].map(sides);
    paint(image);
  });
  return { canvas, context, draw: () => drawn(orrery.svg(), paint) };
};

const checked = (name, seconds) => {
  const most = MOST_SECONDS[name];
  if (!(seconds > 0 && seconds <= most)) throw new Error(`${name}(seconds): seconds must be a number up to ${most}`);
};

/** Plays from the playhead on and records `seconds` of it; when the page comes to rest earlier the film shows that, too. */
export const film = async (seconds = 10) => {
  checked("film", seconds);
  const mimeType = globalThis.MediaRecorder && TYPES.find(type => MediaRecorder.isTypeSupported(type));
  if (!mimeType) throw Object.assign(new Error("this browser records no video"), { name: "NoVideo" });
  const { canvas, draw } = await canvasOf(length => Math.ceil(length / 2) * 2);
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType, videoBitsPerSecond: BITS_A_SECOND });
  const parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  const stopped = new Promise((done, fail) => Object.assign(recorder, { onstop: done, onerror: event => fail(event.error) }));
  recorder.start();
  orrery.play();
  try {
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      await draw();
      await new Promise(done => setTimeout(done, 20));
    }
  } finally {
    recorder.stop();
  }
  await stopped;
  return new Blob(parts, { type: mimeType.split(";")[0] });
};

/** The pixels that differ from those before, with a palette of their own; null when none does. */
const change = (pixels, before, { quantize, applyPalette }) => {
  const at = [];
  for (let index = 0; index < pixels.length; index += 1) if (pixels[index] !== before?.[index]) at.push(index);
  if (!at.length) return null;
  const colours = new Uint8Array(Uint32Array.from(at, index => pixels[index]).buffer);
  const palette = quantize(colours, GIF_COLOURS);
  const indexes = applyPalette(colours, palette);
  const index = new Uint8Array(pixels.length).fill(palette.length);
  at.forEach((place, number) => { index[place] = indexes[number]; });
  return { index, palette: [...palette, [0, 0, 0]] };
};

/** The same as a GIF that begins anew at its end. Pictures that are the same become one that stays longer. */
export const gif = async (seconds = 10) => {
  checked("gif", seconds);
  const tools = await import("./gifenc.js");
  const { canvas: { width, height }, context, draw } = await canvasOf(Math.round, { willReadFrequently: true });
  const encoder = tools.GIFEncoder();
  let before = null;
  let held = null;
  // How long a picture stays is known when the next one is there.
  const write = now => held && encoder.writeFrame(held.index, width, height,
    { palette: held.palette, delay: now - held.since, transparent: true, transparentIndex: held.palette.length - 1, dispose: 1 });
  orrery.play();
  const begin = performance.now();
  const end = begin + seconds * 1000;
  for (let now = begin; now < end;) {
    await draw();
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
    const next = change(pixels, before, tools);
    if (next) {
      write(now);
      held = { ...next, since: now };
      before = pixels;
    }
    await new Promise(done => setTimeout(done, Math.max(0, now + GIF_MS - performance.now())));
    now = performance.now();
  }
  write(performance.now());
  encoder.finish();
  return new Blob([encoder.bytes()], { type: "image/gif" });
};
