// Links and files that hold what somebody did: the text of a recording, compressed by the browser. Read before the module.
(() => {
  "use strict";
  // No recording is longer, in bytes; whoever made it may have meant harm.
  const LONGEST = 2_000_000;
  const here = document.currentScript.src;

  const piped = (bytes, transform) => new Blob([bytes]).stream().pipeThrough(transform);

  const pack = async text => {
    const bytes = new Uint8Array(await new Response(piped(text, new CompressionStream("deflate-raw"))).arrayBuffer());
    let binary = "";
    for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  // Of damaged data as much as can be read.
  const unpack = async data => {
    const decoder = new TextDecoder();
    let text = "";
    try {
      const whole = data.replace(/[^A-Za-z0-9_-].*$/s, "");
      const binary = atob(whole.slice(0, whole.length - (whole.length % 4 === 1)).replace(/-/g, "+").replace(/_/g, "/"));
      const reader = piped(Uint8Array.from(binary, letter => letter.charCodeAt(0)), new DecompressionStream("deflate-raw")).getReader();
      while (text.length <= LONGEST) {
        const { done, value } = await reader.read();
        if (done) break;
        text += decoder.decode(value, { stream: true });
      }
      reader.cancel().catch(() => {});
    } catch {
      // What was read so far is judged by the page.
    }
    return text;
  };

  const share = async () => {
    const here = new URL(location.href);
    const url = new URL(here.pathname, here.href);
    for (const name of ["lang", "theme"]) if (here.searchParams.has(name)) url.searchParams.set(name, here.searchParams.get(name));
    url.hash = `r=${await pack(window.orrery.saved())}`;
    return url.href;
  };

  const picture = async svg => {
    const image = new Image();
    const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    try {
      image.src = url;
      await image.decode();
      const canvas = document.createElement("canvas");
      // Twice the size of the page, for paper and projectors.
      [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      return await new Promise(done => canvas.toBlob(done, "image/png"));
    } finally {
      URL.revokeObjectURL(url);
    }
  };

  // Plays from here on and records some seconds of the stage, as a video ("film") or a GIF ("gif").
  const moving = what => async seconds => {
    // A page that is one file has no others beside it.
    if (!here) throw Object.assign(new Error(`${what}(seconds): not from a page that is a single file`), { name: "NoFiles" });
    return (await import(new URL("video.js", here)))[what](seconds);
  };
  const [film, gif] = ["film", "gif"].map(moving);

  // Saves as a file what is shown ("recording", "svg", "png", "video", "gif"), or a text that the page has made ("lesson", "sequence", "mermaid").
  const save = async (what, text) => {
    const made = {
      sequence: () => [new Blob([text], { type: "image/svg+xml" }), "sequence.svg"],
      mermaid: () => [new Blob([text], { type: "text/plain" }), "sequence.mmd"],
      lesson: () => [new Blob([text], { type: "application/yaml" }), "lesson.yaml"],
      recording: () => [new Blob([window.orrery.saved()], { type: "application/json" }), "cluster.orrery"],
      svg: () => [new Blob([window.orrery.svg()], { type: "image/svg+xml" }), "stage.svg"],
      video: async () => {
        const blob = await film(10);
        return [blob, `stage.${blob.type.split("/")[1]}`];
      },
      gif: async () => [await gif(10), "stage.gif"],
      png: async () => [await picture(window.orrery.svg()), "stage.png"],
    }[what];
    if (!made) throw new Error("save(what): what must be recording, svg, png, video, gif, lesson, sequence or mermaid");
    const [blob, name] = await made();
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  // Lessons of your own: `?lesson=./mine.yaml` or `?lesson=https://…`. What is fetched is read as a lesson and nothing else.
  const LONGEST_LESSON = 200_000;
  const PATIENCE_S = 15;
  const fetched = async address => {
    const url = new URL(address, location.href);
    if (!["http:", "https:", location.protocol].includes(url.protocol)) throw new Error(url.protocol);
    const answer = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE_S * 1000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const decoder = new TextDecoder();
    let text = "";
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += decoder.decode(value, { stream: true });
      if (text.length > LONGEST_LESSON) {
        reader.cancel().catch(() => {});
        throw new Error(`> ${LONGEST_LESSON / 1000} kB`);
      }
    }
  };
  // Only what was asked for last is given.
  let asked = 0;
  const lesson = async (address, step = 1) => {
    const own = (asked += 1);
    const [text, why] = await fetched(address).then(
      text => [text, ""], error => [undefined, error.name === "TimeoutError" ? `> ${PATIENCE_S} s` : error.message]);
    if (own === asked) window.orrery.give(address, text, why, step);
  };
  const elsewhere = id => typeof id === "string" && id.includes("/");

  // Whoever discovers oEmbed here is told of the lesson that is given, if it is a built-in one: each has an answer of its own.
  let answer;
  const discovered = () => {
    const link = document.querySelector('link[type="application/json+oembed"]');
    const { lesson } = window.orrery.state();
    const own = lesson && !elsewhere(lesson) ? `oembed/${lesson}.${window.orrery.notes().lang}.json` : "oembed.json";
    answer ??= link?.href;
    if (link) link.href = new URL(own, answer);
  };
  for (const name of ["ready", "step"]) addEventListener(`orrery:${name}`, discovered);

  const parameters = new URLSearchParams(location.search);
  const open = async data => {
    if (data === undefined) return;
    try {
      window.orrery.load(await unpack(data));
    } catch {
      // The page has told what is wrong with it.
    }
  };
  const linked = () => location.hash.match(/^#r=(.*)$/s)?.[1];
  addEventListener("orrery:installed", () => {
    const given = window.orrery.lesson;
    // One that is given already only changes its step.
    const begin = (id, step) => elsewhere(id) && window.orrery.state().lesson !== id ? lesson(id, step) : given(id, step);
    Object.assign(window.orrery, { share, save, film, gif, lesson: begin });
    const [shared, id] = [parameters.get("r") ?? linked(), parameters.get("lesson")];
    if (shared === undefined && elsewhere(id)) begin(id, Number(parameters.get("step") ?? 1) || 1);
    open(shared);
  }, { once: true });
  // Another link in the same window.
  addEventListener("hashchange", () => open(linked()));
  // A moment in simulated seconds.
  const moment = Number(parameters.get("t") ?? NaN);
  if (moment >= 0) addEventListener("orrery:ready", () => window.orrery.seek(Math.min(moment, 86_400)), { once: true });
})();
