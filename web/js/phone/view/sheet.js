// The sheet of the device: its ID, the language, the appearance, and what there is to know.

import $ from '../../../vendor/jquery.js';
import { t, lang, setLang, onLang } from '../../i18n.js';
import { theme, toggleTheme, onTheme } from '../../theme.js';
import { make, button, icon } from '../../ui/dom.js';
import { problemWith } from '../../deviceid.js';
import { suggest } from '../identity.js';

const NAMES = { en: 'English', ko: '한국어' };

export class Sheet {
  #dialog = $('#sheet');
  #device; // {id(), password(), asksPassword(), unsent(), become(id, password)}
  #install = null; // the browser's offer

  constructor(device) {
    this.#device = device;
    this.#dialog.on('click', (e) => { if (e.target === this.#dialog[0]) this.#dialog[0].close(); });
    window.addEventListener('beforeinstallprompt', (e) => {
      e.preventDefault();
      this.#install = e;
    });
    const rebuild = () => { if (this.#dialog[0].open) this.#build(); };
    onLang(rebuild);
    onTheme(rebuild);
  }

  // open shows the sheet; id: what the device is to be called if the user agrees.
  open(id = this.#device.id()) {
    this.#build();
    this.#dialog[0].showModal();
    this.#dialog.find('#sheet-id').val(id).trigger('input');
    (this.#dialog.find('[type="password"]')[0] ?? this.#dialog.find('h2')[0]).focus();
  }

  #build() {
    const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('dialog.close'), title: t('dialog.close'), 'data-testid': 'sheet-close' })
      .append(icon('close')).on('click', () => this.#dialog[0].close());
    this.#dialog.empty().append(
      make('div', 'dialog-head').append(make('h2', '', t('phone.sheet.title')).attr({ id: 'sheet-title', tabindex: -1 }), $close),
      make('div', 'dialog-body').append(this.#identity(), this.#choices(), this.#ways(), make('p', 'dialog-note', t('phone.sheet.awake'))),
    );
  }

  #identity() {
    const $input = make('input').attr({
      id: 'sheet-id', maxlength: 160, autocomplete: 'off', autocapitalize: 'off', autocorrect: 'off', spellcheck: false,
      'aria-describedby': 'sheet-id-why', 'data-testid': 'sheet-id',
    }).val(this.#device.id());
    const $wrong = make('p', 'hs-wrong').attr({ role: 'alert', 'data-testid': 'sheet-wrong' });
    const $save = button('button button-primary', '', t('phone.sheet.save')).attr({ type: 'submit', 'data-testid': 'sheet-save' });
    const $suggest = button('button', 'dice', t('phone.sheet.suggest')).attr('data-testid', 'sheet-suggest').on('click', () => $input.val(suggest()).trigger('input'));
    const check = () => {
      const id = $input.val().trim();
      const problem = problemWith(id);
      $input.attr('aria-invalid', problem !== null);
      const loses = id !== this.#device.id() && this.#device.unsent();
      $wrong.text(problem ? t(`phone.id.${problem}`) : loses ? t('phone.sheet.loses', { n: loses }) : '');
      return problem === null ? id : null;
    };
    $input.on('input', check);
    const $password = this.#device.asksPassword() ? make('input').attr({
      id: 'sheet-password', type: 'password', autocomplete: 'current-password', maxlength: 4096, 'aria-describedby': 'sheet-password-why', 'data-testid': 'sheet-password',
    }).val(this.#device.password()) : null;
    return make('form', 'hs-identity').append(
      make('label', '', t('phone.sheet.id')).attr('for', 'sheet-id'), $input, $wrong,
      make('p', 'hs-why', t('phone.sheet.idWhy')).attr('id', 'sheet-id-why'),
      $password && [
        make('label', '', t('phone.sheet.password')).attr('for', 'sheet-password'), $password,
        make('p', 'hs-why', t('phone.sheet.passwordWhy')).attr('id', 'sheet-password-why'),
      ],
      make('div', 'hs-row').append($suggest, $save),
    ).on('submit', (e) => {
      e.preventDefault();
      const id = check();
      if (id === null) return void $input.trigger('focus');
      this.#dialog[0].close();
      this.#device.become(id, $password ? $password.val() : this.#device.password());
    });
  }

  #choices() {
    const segmented = (label, options) => make('div', 'hs-choice').append(
      make('span', '', label),
      make('div', 'segmented').attr({ role: 'group', 'aria-label': label }).append(options.map(({ text, on, act, tongue, testID }) => (
        make('button', '', text).attr({ type: 'button', 'aria-pressed': on, 'data-testid': testID, lang: tongue ?? null }).on('click', () => { if (!on) act(); })
      ))),
    );
    return [
      segmented(t('phone.sheet.language'), Object.entries(NAMES).map(([tag, text]) => (
        { text, on: lang() === tag, act: () => setLang(tag), tongue: tag, testID: `lang-${tag}` }
      ))),
      segmented(t('phone.sheet.appearance'), ['light', 'dark'].map((name) => (
        { text: t(`phone.sheet.${name}`), on: theme() === name, act: toggleTheme, testID: `theme-${name}` }
      ))),
    ];
  }

  #ways() {
    const $ways = make('div', 'hs-row');
    $ways.append(make('a', 'button').attr({ href: `./#${new URLSearchParams({ device: this.#device.id() })}`, target: '_blank', rel: 'noopener' }).append(icon('map'), make('span', '', t('phone.sheet.map'))));
    if (this.#install) {
      $ways.append(button('button', 'home', t('phone.sheet.install')).on('click', () => {
        this.#install.prompt();
        this.#install = null;
        this.#build();
      }));
    } else if (navigator.standalone === false) {
      $ways.append(make('p', 'hs-why', t('phone.sheet.installIOS')));
    }
    return $ways;
  }
}
