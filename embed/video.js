// A stretch of time as a film: what the stage shows is drawn onto a canvas, picture by picture, and recorded by the browser. Loaded when somebody
// asks for it (link.js).
const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS_A_SECOND = 4_000_000;
const MOST_SECONDS = 300;

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

/** Plays from the playhead on and records `seconds` of it; when the page comes to rest earlier the film shows that, too. */
export const film = async (seconds = 10) => {
  if (!(seconds > 0 && seconds <= MOST_SECONDS)) throw new Error(`film(seconds): seconds must be a number up to ${MOST_SECONDS}`);
  const mimeType = globalThis.MediaRecorder && TYPES.find(type => MediaRecorder.isTypeSupported(type));
  if (!mimeType) throw new Error("this browser records no video");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const paint = image => context.drawImage(image, 0, 0, canvas.width, canvas.height);
  await drawn(orrery.svg(), image => {
    // Codecs want even numbers.
    [canvas.width, canvas.height] = [image.width, image.height].map(length => Math.ceil(length / 2) * 2);
    paint(image);
  });
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType, videoBitsPerSecond: BITS_A_SECOND });
  const parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  const stopped = new Promise((done, fail) => Object.assign(recorder, { onstop: done, onerror: event => fail(event.error) }));
  recorder.start();
  orrery.play();
  try {
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      await drawn(orrery.svg(), paint);
      await new Promise(done => setTimeout(done, 20));
    }
  } finally {
    recorder.stop();
  }
  await stopped;
  return new Blob(parts, { type: mimeType.split(";")[0] });
};
