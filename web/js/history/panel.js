// What is told of a day, beside the map. Each function builds one part.

import { t, lang } from '../i18n.js';
import { make, button, icon } from '../ui/dom.js';
import { closeBeside, dialogHead, showDialog } from '../ui/dialog.js';
import { trackURL } from '../api.js';
import { MOST } from './others.js';
import { speedScale } from './timeline.js';
import { bytes, clock, distance, duration, minute, speed, zone } from './words.js';

const MOST_MOMENTS = 300;
const FILES = ['gpx', 'geojson', 'csv'];
export const COLOURINGS = ['speed', 'time'];

export function facts(track, points) {
  const $facts = make('dl', 'facts');
  const fact = (name, value, detail) => {
    const $value = make('dd', '', value).attr('data-testid', `day-${name}`);
    if (detail) $value.append(make('small', '', detail));
    $facts.append(make('div', 'fact').append(make('dt', '', t(`history.${name}`)), $value));
  };
  fact('distance', distance(track.distance));
  fact('topSpeed', speed(track.mps[track.top]), t('history.atClock', { time: minute(track.ts[track.top]) }));
  fact('span', duration(track.span), `${minute(track.ts[0])} – ${minute(track.ts[track.count - 1])}`);
  fact('moving', duration(track.moving));
  fact('points', points.toLocaleString(lang()));
  fact('silence', track.gaps.length ? duration(track.gaps.reduce((sum, { from, to }) => sum + to - from, 0)) : t('history.noSilence'));
  return make('section', 'card-section').append($facts);
}

// legend chooses what the colours of the track mean, and explains them.
export function legend(track, colouring, choose) {
  const $choice = make('div', 'segmented').attr({ role: 'group', 'aria-label': t('history.colouring') });
  $choice.append(COLOURINGS.map((name) => make('button', '', t(`history.colouring.${name}`)).attr({ type: 'button', 'aria-pressed': name === colouring, 'data-testid': `colour-${name}` })
    .on('click', () => choose(name))));
  const ends = colouring === 'speed' ? [speed(0), t('history.atLeast', { speed: t('unit.kmh', { n: speedScale(track) }) })] : [clock(track.ts[0]), clock(track.ts[track.count - 1])];
  return make('section', 'card-section').append(
    make('h3', '', t('history.colouring')).append($choice),
    make('div', 'ramp').attr('aria-hidden', 'true'),
    make('div', 'ramp-ends').append(make('span', '', ends[0]), make('span', '', ends[1])),
    make('p', 'track-key').append(make('span', 'key-stop'), document.createTextNode(t('history.keyStop')), make('span', 'key-gap'), document.createTextNode(t('history.keyGap'))),
  );
}

// company names the other devices that are shown, or says how to have some.
export function company(others) {
  const $list = make('ul', 'company-list').append(others.map(({ id, property, track }) => (
    make('li').append(make('span', 'company-colour').css('background', `var(${property})`), make('b', '', id), track ? [] : make('small', '', t('history.absent')))
  )));
  return make('section', 'card-section company').attr('data-testid', 'company').append(make('h3', '', t('history.company')), others.length ? $list : make('p', '', t('history.alone', { n: MOST })));
}

// diary lists what happened on the day; go(time) leads there.
export function diary(moments, go) {
  const $list = make('ol', 'diary').attr('data-testid', 'diary');
  for (const moment of moments.slice(0, MOST_MOMENTS)) $list.append(make('li').append(entry(moment, go)));
  if (moments.length > MOST_MOMENTS) $list.append(make('li', 'diary-more', t('history.more', { n: moments.length - MOST_MOMENTS })));
  return make('section', 'card-section').append(make('h3', '', t('history.diary')), $list);
}

const ICONS = { start: 'play', stop: 'pause', gap: 'gap', end: 'end' };

function entry({ kind, from, to }, go) {
  const lasts = kind === 'stop' || kind === 'gap';
  return make('button', 'moment').attr({ type: 'button', 'data-kind': kind, 'data-testid': 'moment' }).append(
    icon(ICONS[kind]),
    make('time', '', lasts ? `${minute(from)} – ${minute(to)}` : minute(from)),
    make('span', '', lasts ? t(`history.moment.${kind}`, { duration: duration(to - from) }) : t(`history.moment.${kind}`)),
  ).on('click', () => go(from));
}

export function files(id, day) {
  const $links = make('div', 'files');
  for (const format of FILES) {
    $links.append(make('a', 'button', t(`history.file.${format}`)).attr({
      href: trackURL(id, day, zone, format), download: '', 'aria-label': t('history.download', { format: t(`history.file.${format}`) }), 'data-testid': `file-${format}`,
    }).prepend(icon('download')));
  }
  return make('section', 'card-section').append(make('h3', '', t('history.files')), $links);
}

// keeping says what the server keeps and for how long, and offers to delete what it has of the device.
export function keeping(info, remove) {
  const $delete = button('button button-danger', 'trash', t('history.delete')).attr('data-testid', 'history-delete').on('click', remove);
  return make('section', 'card-section history-keeping').append(make('h3', '', t('history.keeping')), keptWords(info), $delete);
}

export function keptWords({ mode, distance: metres, intervalMs, bytes: stored, pendingBytes, maxBytes, maxAgeMs, devices, failing }) {
  const $words = make('p', '').attr('data-testid', 'history-kept').text([
    t('history.kept', { size: bytes(stored + pendingBytes), n: devices }),
    t('history.keptFor', { n: Math.round(maxAgeMs / 86_400_000), most: bytes(maxBytes) }),
    mode === 'all' ? t('history.modeAll') : t('history.modeSampled', { metres, seconds: Math.round(intervalMs / 1000) }),
  ].join(' '));
  if (!failing) return $words;
  return $words.add(make('p', 'history-failing', t('history.failing')));
}

// confirmDelete asks before it lets remove(); what it answers with, an error, is shown. closed() is called in the end.
export function confirmDelete(id, days, remove, closed) {
  const $dialog = make('dialog', 'dialog').attr({ 'aria-labelledby': 'history-delete-title', 'data-testid': 'history-delete-dialog' }).appendTo(document.body);
  const points = days.reduce((sum, day) => sum + day.points, 0);
  const $result = make('p', 'result').attr({ role: 'alert', 'data-tone': 'bad' });
  const $cancel = make('button', 'button', t('history.keep')).attr('type', 'button').on('click', () => $dialog[0].close());
  const $delete = button('button button-danger', 'trash', t('history.deleteNow')).attr('data-testid', 'history-delete-now').on('click', async () => {
    $delete.prop('disabled', true);
    try {
      await remove();
      $dialog[0].close();
    } catch (err) {
      $result.text(t('history.deleteFailed', { reason: err.message }));
      $delete.prop('disabled', false);
    }
  });
  $dialog.append(
    dialogHead($dialog, 'history-delete-title', t('history.deleteTitle', { id })),
    make('div', 'dialog-body compose').append(make('p', '', t('history.deleteWhy', { n: points })), $result, make('div', 'compose-buttons').append($cancel, $delete)),
  ).on('close', () => {
    $dialog.remove();
    closed();
  });
  closeBeside($dialog);
  showDialog($dialog);
}
