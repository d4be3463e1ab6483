// How to connect a device: what an empty fleet opens with.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import * as api from '../api.js';
import { make, button, icon } from './dom.js';
import { closeBeside, dialogHead, showDialog } from './dialog.js';
import { copy } from './clipboard.js';
import { notify } from './notices.js';
import { commands, phoneCommand, phoneURL } from './commands.js';

const DEMO_DEVICES = 20;

// known is what the server answers; without, the dialog says what it can.
const known = (what, answer) => answer.catch((err) => {
  console.warn(`${what}: ${err.message}`);
  return { problem: err.message };
});

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

  // open shows the dialog. It may come by itself, because there is no device: then stillEmpty() is asked again when it is ready.
  async open(stillEmpty = null) {
    this.empty = stillEmpty !== null;
    await this.#build();
    if (!stillEmpty || stillEmpty()) showDialog(this.#dialog);
  }

  close() {
    this.#dialog[0].close();
  }

  async #build() {
    const [status, { user, role, accounts }] = await Promise.all([known('status', api.status()), known('session', api.session())]);
    const looker = role === 'viewer';
    const all = looker ? [] : commands(status, location.hostname, user, this.empty ? '' : 'more-').map(({ name, command }) => this.#way(name, command));
    const $password = user ? all.shift() : null;
    // What is quickest comes first: the server's own devices, or else the simulator.
    const $first = this.demo && !looker ? this.#demoOffer() : all.shift()?.addClass('way-first');
    const { problem } = status;
    const $here = make('div', 'ways-here').append($password, $first, problem ? [] : this.#phone(status.phone, accounts));
    const note = problem ? t('connect.unknown', { reason: problem }) : looker ? t('connect.viewer') : '';
    const $ways = make('div', 'ways').append(note ? make('p', 'way-note', note) : all);
    this.#dialog.empty().append(
      dialogHead(this.#dialog, 'connect-title', t(this.empty ? 'connect.emptyTitle' : 'connect.title'), t(this.empty ? 'connect.emptyLead' : 'connect.lead')),
      make('div', 'dialog-body connect').append($here, $ways),
    );
  }

  #way(name, command) {
    return make('section', 'way').append(
      make('h3', '', t(`connect.${name}`)), make('p', '', t(`connect.${name}Why`)), this.#command(name, command),
    );
  }

  #command(name, command) {
    const $copy = make('button', 'icon-button')
      .attr({ type: 'button', 'aria-label': t('copy.command', { name: t(`connect.${name}`) }), title: t('copy.button'), 'data-testid': `copy-${name}` })
      .append(icon('copy')).on('click', () => copy(command));
    return make('div', 'command').append(make('code', '', command).attr('tabindex', 0), $copy);
  }

  // #phone offers the page that makes a phone a device: a code to scan, or how to make the server reachable.
  #phone({ urls = [], container = false } = {}, accounts = false) {
    const $phone = make('section', 'way way-phone').append(make('h3', '', t('connect.phone')), make('p', '', t(accounts ? 'connect.phoneAccount' : 'connect.phoneWhy')));
    const url = phoneURL(urls, location);
    if (!url) {
      $phone.append(make('p', 'way-note', t('connect.phoneHere')), this.#command('phone', phoneCommand(accounts, this.demo)));
      return $phone.append(make('p', '').append(make('a', '', t('connect.phoneTry')).attr({ href: 'phone', target: '_blank', rel: 'noopener', 'data-testid': 'phone-link' })));
    }
    const $code = make('div', 'qr').attr('data-testid', 'qr');
    import('./qr.js').then(({ drawQR }) => $code.append(drawQR(url))).catch((err) => console.warn(`QR code: ${err.message}`));
    const $link = make('a', 'way-url', url).attr({ href: url, target: '_blank', rel: 'noopener', 'data-testid': 'phone-link' });
    const $words = make('div').append(make('p', '', t('connect.phoneScan')), make('p', '').append($link));
    if (!url.startsWith('https:')) $words.append(make('p', 'way-note', t('connect.phonePlain')));
    if (container && urls.includes(url)) $words.append(make('p', 'way-note', t('connect.phoneContainer')));
    return $phone.append(make('div', 'way-scan').append($code, $words));
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
    return make('div', 'way-first').append(make('p', '', t('connect.demoWhy')), $start);
  }
}
