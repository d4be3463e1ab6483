// The two connections, always in sight: a pill for each in the bar, both of them one button to try again with, and below it,
// while one is lost, what that means.

import $ from '../../../vendor/jquery.js';
import { t, onLang } from '../../i18n.js';
import { addTask } from '../../scheduler.js';
import { setText } from '../../ui/dom.js';

const WORDS_AFTER = 1500; // ms: a reconnect shorter than that needs no words

export class Links {
  #links; // by protocol
  #device;
  #since = new Map(); // when a protocol was lost
  #task = addTask((now) => this.#render(now), 250);

  // links is {stomp, mqtt}, device {id(), identify()}; identify asks the user for the password.
  constructor(links, device) {
    this.#links = links;
    this.#device = device;
    for (const [name, link] of Object.entries(links)) {
      link.addEventListener('state', () => {
        if (link.state !== 'waiting' && link.state !== 'retrying') this.#since.delete(name);
        else if (!this.#since.has(name)) this.#since.set(name, performance.now());
        this.#task.request();
      });
    }
    $('#links, #lost-retry').on('click', () => this.#retry());
    onLang(() => this.#task.request());
    this.#task.request();
  }

  #all(state) {
    return Object.entries(this.#links).filter(([, link]) => link.state === state);
  }

  #retry() {
    if (this.#all('refused').length) this.#device.identify();
    for (const link of Object.values(this.#links)) {
      if (link.state === 'taken') link.start();
      else link.retry();
    }
  }

  #render(now) {
    for (const [name, link] of Object.entries(this.#links)) {
      const words = t(`phone.link.${link.state}`);
      $(`#link-${name}`).attr({ 'data-state': link.state, title: t('phone.link.name', { protocol: name.toUpperCase(), state: words }) })
        .find('.sr-only').text(words);
    }
    const ended = ['refused', 'taken'].find((state) => this.#all(state).length > 0);
    const lost = [...this.#since].filter(([, since]) => now - since > WORDS_AFTER).map(([name]) => name);
    $('#lost').prop('hidden', !ended && lost.length === 0);
    if (ended) setText($('#lost-text')[0], t(`phone.${ended}`, { id: this.#device.id() }));
    else if (lost.length) setText($('#lost-text')[0], lost.length > 1 ? `${t('phone.lost.both')} ${t('phone.lost.kept')}` : t(`phone.lost.${lost[0]}`));
    setText($('#lost-when')[0], ended || !lost.length ? '' : this.#when()); // apart: it changes each second, and is not to be read aloud
    setText($('#lost-retry')[0], t(ended ? `phone.${ended}.act` : 'link.retry'));
    $('#lost-retry').prop('hidden', !ended && this.#all('waiting').length === 0);
    return this.#since.size ? 250 : undefined;
  }

  #when() {
    const waits = this.#all('waiting').map(([, link]) => link.retryAt - Date.now());
    return waits.length ? t('phone.lost.next', { n: Math.max(1, Math.ceil(Math.min(...waits) / 1000)) }) : t('phone.lost.now');
  }
}
