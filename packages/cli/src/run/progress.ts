import { SingleBar } from 'cli-progress';
import type { Progress } from './run-journals.ts';

export type ProgressBar = { readonly update: (progress: Progress) => void; readonly stop: () => void };

/** A bar on a terminal's standard error; nothing when it is piped. */
export function progressBar(terminal: NodeJS.WriteStream): ProgressBar {
  if (!terminal.isTTY) return { update: () => undefined, stop: () => undefined };
  const started = performance.now();
  const bar = new SingleBar({
    format: '{bar} {share} | {records} records | {rate}/s | stream time {time}', stream: terminal, hideCursor: true, clearOnComplete: true,
  });
  bar.start(100, 0, { share: '', records: 0, rate: 0, time: '–' });
  return {
    update: ({ records, share, streamTime }) => {
      const rate = Math.round((records * 1_000) / Math.max(performance.now() - started, 1));
      const time = Number.isFinite(streamTime) ? new Date(streamTime).toISOString() : '–';
      bar.update(Math.round((share ?? 0) * 100), { share: share === null ? '' : `${String(Math.round(share * 100))} %`, records, rate, time });
    },
    stop: () => {
      bar.stop();
    },
  };
}
