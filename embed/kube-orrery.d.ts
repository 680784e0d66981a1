// The interface of kube-orrery for other pages, in one place: `window.orrery`, the element <kube-orrery>, and the messages between a page
// and the frame. Version 1: what is here stays; what comes is added.

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** The exit code; null when the command did not end within an hour of simulated time. */
  code: number | null;
}

export interface OrreryState {
  /** Simulated seconds at the playhead. */
  seconds: number;
  playing: boolean;
  /** Whether nothing is being worked on, and the picture is that of the playhead. */
  arrived: boolean;
  /** The lesson that is given, and its step from 1; null without one. */
  lesson: string | null;
  step: number | null;
  nodes: number;
  pods: number;
  /** Messages sent so far. */
  messages: number;
  pace: string;
  /** How large the stage is shown, against the whole. */
  zoom: number;
  ready: boolean;
  deciding: { pod: string; phase: string; asks: boolean } | null;
}

/** What the user did: the same recording gives the same messages anywhere. */
export interface Recording {
  seed: number;
  files?: Record<string, string>;
  /** Microseconds, and what was done. */
  entries: [number, { run: string } | { interrupt: number }][];
}

/** `window.orrery`, and by `call` in messages. Everything is a promise when called from another page. */
export interface Orrery {
  /** Runs a command line at the playhead and simulates to its end. */
  run(line: string): Promise<CommandResult>;
  /** Goes to a step, from 1, of a built-in lesson or of one's own (by its address: `./mine.yaml`, `https://…`), which is begun unless it is given already. */
  lesson(id: string, step?: number): void | Promise<void>;
  /** The next step of the lesson; without one the next message. */
  next(): void;
  previous(): void;
  /** The next message. */
  step(): void;
  play(): void;
  pause(): void;
  /** To a moment in simulated seconds, at most a day. */
  seek(seconds: number): void;
  /** Simulates until nothing is left but periodic work. */
  settle(): Promise<{ quiet: boolean; seconds: number }>;
  state(): OrreryState;
  /** The stage as SVG. */
  svg(): string;
  /** A video of the next seconds of the stage, at most 300; time runs on. Only in the page itself, not by `call`. */
  film(seconds?: number): Promise<Blob>;
  /** The same as an animated GIF, at most 60 seconds. */
  gif(seconds?: number): Promise<Blob>;
  /** An address that opens what is shown now. */
  share(): Promise<string>;
  recording(): Recording;
  /** Opens a recording: the text of a saved file. One that cannot be opened is an error. */
  load(text: string): void;
}

export type HostMessage = { orrery: 1; id: number | string; call: keyof Orrery; args?: unknown[] } | "slide:start" | "slide:stop";

export type PageMessage =
  | { orrery: 1; id: number | string; value: unknown }
  | { orrery: 1; id: number | string; error: string }
  | { orrery: 1; event: "hello"; detail: { protocol: 1 } }
  | { orrery: 1; event: "ready" | "step" | "state"; detail: OrreryState }
  | { orrery: 1; event: "error"; detail: { message: string } }
  | { orrery: 1; event: "key"; detail: { key: "PageDown" | "PageUp" } };

type Remote<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never };

/** The element: events `ready`, `step`, `state`, `error`, `key` with the detail of the messages. */
export class KubeOrrery extends HTMLElement implements Omit<Remote<Orrery>, "lesson" | "step"> {
  /** Begins a built-in lesson at a step; `lesson` and `step` are attributes. */
  show(id: string, step?: number): Promise<void>;
  begin(): void;
  end(): void;
  active: boolean;
  readonly ready: boolean;
  run(line: string): Promise<CommandResult>;
  next(): Promise<void>;
  previous(): Promise<void>;
  play(): Promise<void>;
  pause(): Promise<void>;
  seek(seconds: number): Promise<void>;
  settle(): Promise<{ quiet: boolean; seconds: number }>;
  state(): Promise<OrreryState>;
  svg(): Promise<string>;
  share(): Promise<string>;
  recording(): Promise<Recording>;
  load(text: string): Promise<void>;
}
