// Timers for keeping connections alive while the page is hidden. Browsers slow the timers of a hidden page down to
// one a minute, and a broker takes that for silence; a worker's beat gets through, until the browser freezes the page.

const jobs = new Map();
let jobsEver = 0;
let running = false;

function beat() {
  const now = Date.now();
  for (const job of [...jobs.values()]) {
    if (now < job.due) continue;
    job.due = now + job.every;
    job.run();
  }
}

function start() {
  running = true;
  try {
    const worker = new Worker(new URL('./metronome.worker.js', import.meta.url));
    worker.onmessage = beat;
    worker.onerror = () => setInterval(beat, 1000); // its script cannot be had: the page's own timers must do
  } catch {
    setInterval(beat, 1000);
  }
}

// every runs a function at intervals of whole seconds; returns what cancel takes.
export function every(run, ms) {
  if (!running) start();
  jobs.set(++jobsEver, { run, every: ms, due: Date.now() + ms });
  return jobsEver;
}

export const cancel = (job) => jobs.delete(job);
