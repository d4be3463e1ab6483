// One requestAnimationFrame for the whole page.
//
// A part of the page registers a task and requests it when something it shows has
// changed; nothing runs while nothing changes. A task that returns a number of
// milliseconds is run again after that time (0: in the next frame).

let tasks = [];
let frame = 0;
let timer = 0;

class Task {
  constructor(run, interval) {
    this.run = run;
    this.interval = interval;
    this.due = Infinity;
    this.last = -Infinity;
  }

  // request asks for a run in the next frame, or as soon as the task's interval has passed.
  request() {
    const due = this.last + this.interval;
    if (due >= this.due) return;
    this.due = due;
    plan();
  }

  cancel() {
    this.due = Infinity;
  }

  // end lets go of a task whose part of the page is no more.
  end() {
    this.cancel();
    tasks = tasks.filter((task) => task !== this);
  }
}

// addTask registers run(now). Tasks run in the order in which they were added; interval is
// the least time in ms between two runs.
export function addTask(run, interval = 0) {
  const task = new Task(run, interval);
  tasks.push(task);
  return task;
}

function plan() {
  if (frame) return;
  let due = Infinity;
  for (const task of tasks) due = Math.min(due, task.due);
  if (due === Infinity) return;
  clearTimeout(timer);
  const wait = due - performance.now();
  if (wait <= 4) frame = requestAnimationFrame(runFrame);
  else timer = setTimeout(() => { frame ||= requestAnimationFrame(runFrame); }, wait);
}

function runFrame() {
  const now = performance.now();
  for (const task of tasks) {
    if (task.due > now + 4) continue;
    task.due = Infinity;
    task.last = now;
    runTask(task, now);
  }
  frame = 0;
  plan();
}

// A task that fails must not take the others with it: the map goes on when a panel breaks.
function runTask(task, now) {
  try {
    const again = task.run(now);
    if (typeof again === 'number') task.due = Math.min(task.due, now + Math.max(again, task.interval));
  } catch (err) {
    console.error(err);
  }
}
