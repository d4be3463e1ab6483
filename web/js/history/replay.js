// The clock of the replay: as fast as it was, or faster.

export const SPEEDS = [1, 10, 60, 300];

export class Replay {
  time = 0;
  speed = 60;
  playing = false;
  #from = 0;
  #to = 0;
  #last = 0;

  // span sets from when to when there is something to replay.
  span(from, to) {
    this.#from = from;
    this.#to = to;
    this.seek(this.time);
  }

  seek(time) {
    this.time = Math.max(this.#from, Math.min(this.#to, time));
  }

  // play begins at the given moment of the page's clock, and once more from the start when the end is reached.
  play(now) {
    if (this.time >= this.#to) this.time = this.#from;
    this.playing = this.#to > this.#from;
    this.#last = now;
  }

  pause() {
    this.playing = false;
  }

  // tick goes on to the given moment. A page that was not drawn for a while goes on where it stopped.
  tick(now) {
    if (!this.playing) return;
    this.seek(this.time + Math.max(0, Math.min(LONGEST_FRAME, now - this.#last)) * this.speed);
    this.#last = now;
    if (this.time >= this.#to) this.playing = false;
  }
}

const LONGEST_FRAME = 250; // ms
