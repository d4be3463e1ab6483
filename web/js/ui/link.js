// The connection's state, always in sight: a pill in the bar, and a banner while what is shown is out of date.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { setText } from './dom.js';

const BANNER_AFTER = 1500; // ms: a reconnect shorter than that needs no words

export class LinkState {
  #feed;
  #task;
  #since = 0;

  constructor(feed) {
    this.#feed = feed;
    this.#task = addTask((now) => this.#render(now), 250);
    feed.addEventListener('state', () => {
      if (feed.state === 'live' || feed.state === 'connecting') this.#since = 0;
      else this.#since ||= performance.now();
      this.#task.request();
    });
    $('#banner-retry, #connection').on('click', () => feed.retry());
    onLang(() => this.#task.request());
    this.#task.request();
  }

  #render(now) {
    const { state } = this.#feed;
    const seconds = Math.max(0, Math.ceil((this.#feed.retryAt - Date.now()) / 1000));
    $('#connection').attr({ 'data-state': state, title: t(`link.${state}Why`) });
    setText($('#connection-text')[0], t(`link.${state}`));
    $('#stage').toggleClass('out-of-date', this.#since !== 0);
    const shown = this.#since !== 0 && now - this.#since > BANNER_AFTER;
    $('#banner').prop('hidden', !shown);
    setText($('#banner-text')[0], shown ? t('link.lost') : '');
    setText($('#banner-when')[0], state === 'waiting' ? t('link.next', { n: seconds }) : t('link.again')); // apart: nobody wants every second read out
    $('#banner-retry').prop('hidden', state !== 'waiting');
    return state === 'live' ? undefined : 250;
  }
}
