// Parts that several pages of the console are made of.

import { t } from '../i18n.js';
import { make, button, icon } from '../ui/dom.js';
import { AXES } from '../motions.js';
import * as format from '../format.js';
import { FORMS, angles, asText, bytesOf, formsOf } from './body.js';
import { remember, recall } from '../remember.js';

// facts is a list of names and values; without a value a fact is left out.
export function facts(list) {
  const $facts = make('dl', 'console-facts');
  for (const [name, value, tone] of list) {
    if (value === undefined || value === null || value === '') continue;
    const $value = make('dd', '', value).appendTo(make('div').append(make('dt', '', name)).appendTo($facts));
    if (tone) $value.attr('data-tone', tone);
  }
  return $facts;
}

export const section = (title, ...content) => make('section', 'console-section').append(make('h4', '', title), content);

// table is a small table that is all there: rows of texts.
export function table(titles, rows) {
  const $rows = make('tbody').append(rows.map((cells) => make('tr').append(cells.map((cell) => make('td', '', cell)))));
  return make('table', 'console-table').append(make('thead').append(make('tr').append(titles.map((title) => make('th', '', title).attr('scope', 'col')))), $rows);
}

// input is a field for something short.
export const input = (testid, more = {}) => make('input').attr({ type: 'text', autocomplete: 'off', spellcheck: false, 'data-testid': testid, ...more });

// searchField is an input with its icon in front.
export const searchField = (tag, $input, ...more) => make(tag, 'search').append(icon('search'), $input, more);

// action is a button for operators.
export const action = (testid, iconName, text, act, className = 'button') => (
  button(`${className} operator`, iconName, text).attr('data-testid', testid).on('click', act)
);

// closeButton closes what stands beside a list.
export function closeButton(close) {
  const label = t('dialog.close');
  return make('button', 'tool').attr({ type: 'button', 'aria-label': label, title: label, 'data-testid': 'side-close' }).append(icon('close')).on('click', close);
}

// bodyView shows the body of a message in the form that suits it, or that was chosen before.
export function bodyView(body, destination, link) {
  const forms = formsOf(body, destination);
  const $view = make('div', 'console-body');
  if (!forms.length) return $view.append(make('p', 'console-quiet', t('console.emptyBody')));
  const $text = make('pre', 'console-text').attr({ tabindex: 0, 'data-testid': 'message-body', 'aria-label': t('console.body') });
  const $forms = make('div', 'segmented').attr({ role: 'group', 'aria-label': t('console.form') });
  const show = (form) => {
    for (const element of $forms.children()) element.setAttribute('aria-pressed', element.dataset.form === form);
    $text.attr('data-form', form).text(form === 'motion' ? motion(bytesOf(body)) : asText(body, form));
  };
  for (const form of FORMS.filter((f) => forms.includes(f))) {
    make('button', '', t(`console.form.${form}`)).attr({ type: 'button', 'data-form': form, 'data-testid': `form-${form}` }).appendTo($forms)
      .on('click', () => { remember('console.form', form); show(form); });
  }
  const chosen = recall('console.form');
  show(chosen === 'hex' ? chosen : forms[0]);
  const $bar = make('div', 'console-body-bar').append($forms);
  if (link) {
    const $save = make('a', 'button console-save').attr({ href: link, download: '', 'data-testid': 'message-save' });
    $bar.append($save.append(icon('download'), make('span', '', t('console.save'))));
  }
  $view.append($bar, $text);
  if (body.truncated) $view.append(make('p', 'console-quiet', t('console.truncated', { n: body.size })));
  return $view;
}

const motion = (bytes) => angles(bytes).map((radians, k) => t('wire.angle', {
  axis: t(`motion.${AXES[k]}`), radians: radians.toFixed(4), degrees: format.angle(radians, false).replace('°', ''),
})).join('\n');

// will describes what is published when a client is lost.
export function will(last) {
  return section(
    t('console.will'), make('p', 'console-quiet', t('console.willWhy')),
    facts([
      [t('console.mqtt'), last.mqtt], [t('console.mode'), `QoS ${last.qos}`], [t('console.retain'), last.retain ? t('console.yes') : t('console.no')],
      [t('console.delay'), last.delaySeconds ? t('console.seconds', { n: last.delaySeconds }) : ''],
    ]),
    bodyView(last.body, last.destination),
  );
}
