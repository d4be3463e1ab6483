// Keeping the screen on while the phone is tracked: a phone that sleeps runs no page. The lock ends whenever the page
// is hidden, and is taken again when it is back. It fires 'change' when held changes.

export class Awake extends EventTarget {
  held = false;
  #wanted = false;
  #lock = null;

  constructor() {
    super();
    document.addEventListener('visibilitychange', () => this.#take());
  }

  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#take();
    else this.#lock?.release();
  }

  async #take() {
    if (!this.#wanted || this.#lock || document.hidden || !navigator.wakeLock) return;
    try {
      const lock = await navigator.wakeLock.request('screen');
      if (!this.#wanted || this.#lock) return void lock.release(); // meanwhile it was switched off, or off and on again
      this.#lock = lock;
      lock.addEventListener('release', () => {
        this.#lock = null;
        this.#set(false);
      });
      this.#set(true);
    } catch {
      this.#set(false); // battery saver, or not allowed: the page says that the screen may go off
    }
  }

  #set(held) {
    if (this.held === held) return;
    this.held = held;
    this.dispatchEvent(new Event('change'));
  }
}
