// The two dialogs: how to connect a device (what an empty fleet opens with), and help.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import * as api from '../api.js';
import { OFFLINE, STALE, IDLE, MOVING } from '../fleet.js';
import { make, button, icon, glyph } from './dom.js';
import { notify } from './notices.js';
import { commands } from './commands.js';

const KEYS = [['/', 'search'], ['l', 'list'], ['f', 'fit'], ['m', 'view'], ['t', 'text'], ['a', 'alert'], ['o', 'follow'], ['?', 'help'], ['Esc', 'escape']];
const DEMO_DEVICES = 20;

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t('copy.done'));
  } catch {
    notify(t('copy.failed'));
  }
}

function head($dialog, titleID, title, lead) {
  const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('dialog.close'), title: t('dialog.close') }).append(icon('close'))
    .on('click', () => $dialog[0].close());
  const $words = make('div').append(make('h2', '', title).attr({ id: titleID, tabindex: -1 }));
  if (lead) $words.append(make('p', '', lead));
  return make('div', 'dialog-head').append($words, $close);
}

// show opens a dialog with the keyboard on its main action, or on its title when it has none: not on the close button.
function show($dialog) {
  if ($dialog[0].open) return;
  $dialog[0].showModal();
  ($dialog[0].querySelector('.button-primary') ?? $dialog[0].querySelector('h2')).focus();
}

// A click beside a dialog closes it.
const closeBeside = ($dialog) => $dialog.on('click', (e) => { if (e.target === $dialog[0]) $dialog[0].close(); });

export class Help {
  #dialog = $('#help');

  constructor() {
    closeBeside(this.#dialog);
    onLang(() => { if (this.#dialog[0].open) this.#build(); });
  }

  open() {
    this.#build();
    show(this.#dialog);
  }

  #build() {
    const $keys = make('dl', 'keys');
    for (const [key, name] of KEYS) $keys.append(make('dt').append(make('kbd', '', key)), make('dd', '', t(`key.${name}`)));
    $keys.append(make('dt').append(['↑', '↓', '⏎'].map((key) => make('kbd', '', key))), make('dd', '', t('key.arrows')));
    const $shapes = make('div', 'shapes');
    for (const [status, name] of [[MOVING, 'moving'], [IDLE, 'idle'], [STALE, 'stale'], [OFFLINE, 'offline']]) {
      $shapes.append(make('span').append(glyph(status), document.createTextNode(t(`help.${name}`))));
    }
    this.#dialog.empty().append(
      head(this.#dialog, 'help-title', t('help.title')),
      make('div', 'dialog-body').append($keys, $shapes, make('p', 'dialog-note', t('help.note'))),
    );
  }
}

export class ConnectDialog {
  demo = false;
  #dialog = $('#connect');

  constructor() {
    closeBeside(this.#dialog);
    onLang(() => { if (this.#dialog[0].open) this.#build(); });
  }

  get isOpen() {
    return this.#dialog[0].open;
  }

  // open shows the dialog; empty says that it comes by itself, because there is no device.
  async open(empty = false) {
    this.empty = empty;
    await this.#build();
    show(this.#dialog);
  }

  close() {
    this.#dialog[0].close();
  }

  async #build() {
    let addresses = {};
    try {
      ({ addresses = {} } = await api.status());
    } catch (err) {
      console.warn(`status: ${err.message}`);
    }
    const $body = make('div', 'dialog-body');
    if (this.demo) $body.append(this.#demoOffer());
    for (const { name, command } of commands(addresses, location.hostname)) $body.append(this.#way(name, command));
    this.#dialog.empty().append(
      head(this.#dialog, 'connect-title', t(this.empty ? 'connect.emptyTitle' : 'connect.title'), t(this.empty ? 'connect.emptyLead' : 'connect.lead')),
      $body,
    );
  }

  #way(name, command) {
    const $copy = make('button', 'icon-button').attr({ type: 'button', 'aria-label': t('copy.button'), title: t('copy.button'), 'data-testid': `copy-${name}` })
      .append(icon('copy')).on('click', () => copy(command));
    return make('section', 'way').append(
      make('h3', '', t(`connect.${name}`)), make('p', '', t(`connect.${name}Why`)),
      make('div', 'command').append(make('code', '', command).attr('tabindex', 0), $copy),
    );
  }

  #demoOffer() {
    const $start = button('button button-primary', 'plus', t('connect.demoStart', { n: DEMO_DEVICES })).attr('data-testid', 'demo-start');
    $start.on('click', async () => {
      $start.prop('disabled', true);
      try {
        await api.startDemo(DEMO_DEVICES);
        notify(t('connect.demoStarted'));
        this.close();
      } catch (err) {
        notify(t('connect.demoFailed', { reason: err.message }));
        $start.prop('disabled', false);
      }
    });
    return make('div', 'demo-start').append(make('p', '', t('connect.demoWhy')), $start);
  }
}
