// The history of a device: a day's track on the map, and its replay. The page imports this when it is first wanted; what it fetched and drew is
// let go when it is left.

import $ from '../../vendor/jquery.js';
import { t, addTexts, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { colour, mapPalette, onTheme } from '../theme.js';
import * as api from '../api.js';
import { make, button, icon, setAttribute } from '../ui/dom.js';
import { makeSheet, narrow, settle, visibleHeight } from '../ui/sheet.js';
import { Calendar } from './calendar.js';
import { decode } from './decode.js';
import { Dock } from './dock.js';
import { COLOURINGS, company, confirmDelete, diary, facts, files, keeping, keptWords, legend } from './panel.js';
import { ReplayMarker } from './marker.js';
import { MOST, Others } from './others.js';
import { ramp } from './ramp.js';
import { Replay } from './replay.js';
import { bounds } from './simplify.js';
import { courseAt, moments, placeAt, speedScale } from './timeline.js';
import { measure } from './track.js';
import { TrackLayer } from './tracklayer.js';
import { day as dayName, zone } from './words.js';
import en from '../i18n/history.en.js';
import ko from '../i18n/history.ko.js';

addTexts({ en, ko });

const GROWS = 30_000; // ms after which a day that is not over yet is looked at again
const EDGE = 0.12; // of the map: so near its edge, the replayed device is followed
const NONE = { ts: new Float64Array(0), mps: new Float32Array(0), count: 0, stops: [], gaps: [] };

export class HistoryPage {
  visible = false;
  #mapView;
  #selection;
  #marks;
  #feed;
  #actions;
  #replay = new Replay();
  #layer = null;
  #marker = null;
  #others;
  #root = null;
  #dock = null;
  #days = [];
  #day = null; // of #days
  #track = null;
  #moments = [];
  #info = null;
  #state = 'none';
  #reason = '';
  #colouring = COLOURINGS[0];
  #following = true;
  #calendarOpen = false;
  #request = null;
  #timer = 0;
  #place = { x: 0, y: 0, index: 0, silent: true };
  #readyMs = NaN;
  #task = addTask((now) => this.#draw(now));

  // actions: save() puts what is looked at into the address bar, notify(text)
  constructor({ mapView, selection, marks, feed, actions }) {
    this.#mapView = mapView;
    this.#selection = selection;
    this.#marks = marks;
    this.#others = new Others(mapView.map);
    this.#feed = feed;
    this.#actions = actions;
    selection.addEventListener('change', () => { if (this.visible) this.open({}); });
    feed.addEventListener('state', () => { if (this.visible && feed.state === 'live' && this.#state === 'failed') this.#load({}); });
    marks.addEventListener('change', () => { if (this.#track) this.#showOthers(); });
    mapView.map.on('dragstart', () => this.#follow(false));
    document.addEventListener('keydown', (e) => this.#key(e));
    onLang(() => { if (this.visible) this.#build(); });
    onTheme(() => { if (this.visible) this.#restyle(); });
  }

  // show enters or leaves. link may name the day and the time of day to look at, and whether the map has its place already.
  show(visible, link = {}) {
    if (visible === this.visible) return;
    this.visible = visible;
    $('#stage').toggleClass('view-history', visible);
    if (visible) {
      this.#build();
      this.open(link);
    } else {
      this.#leave();
    }
  }

  // open looks at the selected device.
  open({ day = null, at = null, placed = false }) {
    const { id } = this.#selection;
    this.#release();
    this.#days = [];
    this.#day = null;
    if (id === null) this.#become('none');
    else this.#load({ day, at, placed, afresh: true });
  }

  // link is what the address bar is to say.
  link() {
    if (!this.visible || !this.#day || !this.#track) return { day: null, at: null };
    return { day: this.#day.day, at: Math.round((this.#replay.time - this.#day.from) / 1000) };
  }

  // fit brings the whole track into view.
  fit(animate = true) {
    if (this.#track?.count) this.#mapView.fitPoints(bounds(this.#track), animate);
  }

  // status is for diagnostics.
  status() {
    return {
      state: this.#state, device: this.#selection.id, day: this.#day?.day ?? null, points: this.#track?.count ?? 0, time: this.#replay.time, playing: this.#replay.playing,
      speed: this.#replay.speed, readyMs: this.#readyMs, drawMs: this.#layer?.drawMs ?? NaN, draws: this.#layer?.draws ?? 0,
      others: this.#others.list.filter(({ track }) => track).map(({ id }) => id),
    };
  }

  // ---- what is fetched

  async #load({ day = null, at = null, placed = false, afresh = false }) {
    const { id } = this.#selection;
    const started = performance.now();
    const signal = this.#renew();
    if (afresh) this.#become('loading');
    try {
      const [{ days }, info] = await Promise.all([api.getDays(id, zone, { signal }), api.historyInfo({ signal })]);
      this.#days = days;
      this.#info = info;
      if (!days.length) {
        this.#release();
        this.#become('empty');
        return;
      }
      this.#day = days.find((one) => one.day === (day ?? this.#day?.day)) ?? days[days.length - 1];
      if (day && this.#day.day !== day) this.#actions.notify(t('history.noSuchDay', { day: dayName(day) }));
      const track = measure(decode(await api.getTrack(id, this.#day.day, zone, { signal })));
      if (!track.count) throw new Error(t('history.gone'));
      this.#take(track, at);
      if (afresh && !placed) this.fit(false);
      this.#readyMs = performance.now() - started;
      this.#actions.save();
    } catch (err) {
      if (signal.aborted) return;
      this.#fail(err);
    }
  }

  #renew() {
    this.#request?.abort();
    clearTimeout(this.#timer);
    this.#request = new AbortController();
    return this.#request.signal;
  }

  // A track that is there stays when it cannot be looked at again.
  #fail(err) {
    if (this.#track) {
      this.#await();
      return;
    }
    this.#reason = err.message;
    this.#become(err.status === 404 ? 'off' : 'failed');
  }

  #take(track, at) {
    const first = this.#track === null;
    if (!first) this.#growOthers();
    if (!first && track.count === this.#track.count) {
      this.#await();
      return;
    }
    this.#track = track;
    this.#moments = moments(track);
    this.#replay.span(track.ts[0], track.ts[track.count - 1]);
    if (first) this.#replay.seek(at === null ? track.ts[0] : this.#day.from + at * 1000);
    this.#become('ready');
    this.#await();
    if (first) this.#showOthers();
  }

  // #showOthers draws the same day of the devices that are marked in the list.
  async #showOthers() {
    const wanted = this.#marks.list().filter((id) => id !== this.#selection.id);
    if (wanted.slice(0, MOST).join('\n') === this.#others.names.join('\n')) return;
    await this.#others.show(wanted, this.#day.day);
    if (!this.#track) return;
    this.#renderCompany();
    this.#task.request();
  }

  // Those who are shown beside it go on, too, also while it stands still; one may come that was not there yet.
  async #growOthers() {
    const absent = this.#others.list.filter(({ track }) => !track);
    await this.#others.grow(this.#day.day);
    if (!this.#track) return;
    if (absent.some(({ track }) => track)) this.#renderCompany();
    this.#task.request();
  }

  #renderCompany() {
    this.#root.find('.company').replaceWith(company(this.#others.list));
  }

  // #await looks again at a day that is not over.
  #await() {
    clearTimeout(this.#timer);
    if (this.#day.to > Date.now()) this.#timer = setTimeout(() => this.#load({}), GROWS);
  }

  async #delete() {
    await api.deleteTrack(this.#selection.id);
    this.#actions.notify(t('history.deleted', { id: this.#selection.id }));
    this.open({});
  }

  // ---- what is shown

  #leave() {
    this.#request?.abort();
    clearTimeout(this.#timer);
    this.#release();
    this.#dock.destroy();
    this.#root.remove();
    this.#root = this.#dock = null;
    this.#days = [];
    this.#state = 'none';
    this.#mapView.covered = null;
    this.#present(true);
  }

  // #release lets go of a track and of what was made of it.
  #release() {
    this.#request?.abort();
    clearTimeout(this.#timer);
    this.#replay.pause();
    this.#others.clear();
    this.#layer?.remove();
    this.#marker?.remove();
    this.#layer = this.#marker = this.#track = null;
    this.#moments = [];
    this.#following = true;
    this.#task.cancel();
    this.#dock?.show(NONE, [], 0, 1);
  }

  // The devices as they are now are in the way of a track, but without one they can be chosen on the map.
  #become(state) {
    this.#state = state;
    this.#present(!this.visible || state === 'none' || state === 'off');
    this.#render();
  }

  #present(live) {
    this.#mapView.live = live;
    $('#stage').toggleClass('in-the-past', !live);
    this.#mapView.changed();
  }

  #build() {
    this.#dock?.destroy();
    const stop = this.#root?.attr('data-stop') ?? 'half';
    this.#root?.remove();
    this.#dock = new Dock({
      toggle: () => this.#toggle(), faster: (rate) => this.#faster(rate), seek: (time) => this.#seek(time), step: (direction) => this.#step(direction),
      follow: () => this.#follow(!this.#following),
    });
    const $handle = make('button', 'sheet-handle').attr({ type: 'button', 'aria-label': t('sheet.resize') });
    this.#root = make('section', 'history-view').attr({ id: 'history-view', 'aria-label': t('nav.history'), 'data-testid': 'history-page' })
      .append($handle, this.#dock.$root, make('div', 'history-panel')).insertBefore('#card');
    makeSheet(this.#root[0], $handle[0], stop);
    this.#mapView.covered = () => this.#covers();
    this.#render();
  }

  #render() {
    if (!this.#root) return;
    this.#root.attr('data-state', this.#state);
    const ready = this.#state === 'ready';
    this.#renderPanel(ready);
    this.#dock.$root.prop('hidden', !ready);
    if (!ready) return;
    const share = this.#share();
    this.#dock.show(this.#track, this.#moments, this.#day.from, this.#day.to, (mps, time) => ramp(share(mps, time)));
    this.#showTrack(share);
    this.#task.request();
  }

  // A day that grows does not take the panel away from under the keyboard.
  #renderPanel(ready) {
    const $panel = this.#root.find('.history-panel');
    const shown = `${this.#selection.id}/${this.#day?.day}/${this.#state}/${this.#colouring}`;
    if (shown === $panel.data('shown') && $panel[0].contains(document.activeElement)) return;
    const scrolled = $panel.find('.card-body').scrollTop() ?? 0;
    $panel.data('shown', shown).empty().append(this.#head(), ready ? [this.#dayChoice(), this.#body()] : this.#message());
    $panel.find('.card-body').scrollTop(scrolled);
  }

  #head() {
    const { id } = this.#selection;
    const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('history.otherDevice'), title: t('history.otherDevice'), 'data-testid': 'history-close' })
      .append(icon('close')).on('click', () => this.#selection.select(null));
    return make('div', 'history-head').append(
      make('div').append(make('p', 'history-kind', t('nav.history')), make('h2', 'card-id', id ?? t('history.noDevice')).attr({ 'data-testid': 'history-device', title: id ?? '' })),
      id === null ? [] : $close,
    );
  }

  #message() {
    const words = { none: 'history.choose', loading: 'history.loading', empty: 'history.empty', off: 'history.off', failed: 'history.failed' }[this.#state];
    const $message = make('div', 'history-message').attr({ role: 'status', 'data-testid': 'history-message' })
      .append(icon({ failed: 'lost', off: 'history' }[this.#state] ?? 'history'), make('p', '', t(words, { reason: this.#reason })));
    if (this.#state === 'failed') $message.append(button('button', 'again', t('link.retry')).attr('data-testid', 'history-retry').on('click', () => this.#load({ afresh: true })));
    if (this.#state === 'empty' && this.#info) $message.append(keptWords(this.#info));
    return $message;
  }

  #dayChoice() {
    const at = this.#days.indexOf(this.#day);
    const step = (symbol, key, day, name) => make('button', 'tool').attr({ type: 'button', 'aria-label': t(key), title: t(key), 'data-testid': name }).prop('disabled', !day)
      .append(icon(symbol)).on('click', () => this.#chooseDay(day.day));
    const $calendar = make('div', 'history-calendar').prop('hidden', !this.#calendarOpen);
    const $date = button('button history-date', 'calendar', dayName(this.#day.day)).attr({ 'aria-expanded': this.#calendarOpen, 'data-testid': 'history-date' }).append(icon('chevron'))
      .on('click', () => this.#openCalendar(!this.#calendarOpen));
    if (this.#calendarOpen) $calendar.append(this.#calendar().$root);
    return make('div', 'history-days').append(
      make('div', 'history-day').append(step('left', 'history.dayBefore', this.#days[at - 1], 'day-before'), $date, step('right', 'history.dayAfter', this.#days[at + 1], 'day-after')), $calendar,
    );
  }

  #calendar() {
    return new Calendar({
      days: this.#days, current: this.#day.day,
      choose: (day) => {
        this.#calendarOpen = false;
        this.#chooseDay(day);
      },
    });
  }

  #openCalendar(open) {
    this.#calendarOpen = open;
    const $calendar = this.#root.find('.history-calendar').empty().prop('hidden', !open);
    setAttribute(this.#root.find('.history-date')[0], 'aria-expanded', open);
    if (!open) return;
    if (narrow.matches) settle(this.#root[0], 'full');
    const calendar = this.#calendar();
    $calendar.append(calendar.$root);
    calendar.focus();
  }

  async #chooseDay(day) {
    this.#release();
    await this.#load({ day, afresh: true });
    this.#root?.find('.history-date').trigger('focus');
  }

  #body() {
    const { id } = this.#selection;
    return make('div', 'card-body').append(
      facts(this.#track, this.#track.count),
      legend(this.#track, this.#colouring, (name) => this.#colour(name)), company(this.#others.list),
      diary(this.#moments, (time) => {
        this.#seek(time);
        this.#bringIntoView(true);
      }),
      files(id, this.#day.day), keeping(this.#info, () => confirmDelete(id, this.#days, () => this.#delete())),
    );
  }

  // ---- on the map

  // #covers are the pixels at the map's edges that the panel and the controls cover.
  #covers() {
    const map = this.#mapView.map.getContainer().getBoundingClientRect();
    if (narrow.matches) return { left: 0, top: 0, right: 0, bottom: this.#state === 'none' ? 124 : Math.min(visibleHeight(this.#root[0]), map.height * 0.6) };
    const panel = this.#root.find('.history-panel')[0].getBoundingClientRect();
    const dock = this.#dock.$root[0].getBoundingClientRect();
    const bottom = dock.height ? map.bottom - dock.top : 0;
    if (panel.left <= map.left) return { left: Math.max(0, panel.right - map.left), top: 0, right: 0, bottom };
    return { left: 0, top: 0, right: map.right - panel.left, bottom };
  }

  #showTrack(share) {
    const { map } = this.#mapView;
    if (!this.#layer) {
      const palette = () => ({
        ramp, casing: colour('--casing'), ink: colour('--ink'), gap: colour('--ink-2'), start: colour('--good'), end: colour('--ink'), accent: colour('--accent'), devices: mapPalette(),
      });
      this.#layer = new TrackLayer({ palette }).addTo(map);
      this.#marker = new ReplayMarker({ palette }).addTo(map);
    }
    const { mps, ts } = this.#track;
    this.#layer.show(this.#track, (i) => share(mps[i], ts[i]));
  }

  // #share says which part of the ramp a speed at a time has.
  #share() {
    const { ts, count } = this.#track;
    if (this.#colouring === 'time') return (_, time) => (time - ts[0]) / Math.max(1, ts[count - 1] - ts[0]);
    const top = speedScale(this.#track) / 3.6;
    return (mps) => mps / top;
  }

  #colour(name) {
    this.#colouring = name;
    this.#render();
    this.#root.find(`[data-testid=colour-${name}]`).trigger('focus');
  }

  #restyle() {
    this.#layer?.redraw();
    this.#marker?.restyle();
    this.#others.restyle();
    this.#dock.scrubber.redraw();
  }

  #draw(now) {
    if (!this.#track) return undefined;
    const played = this.#replay.playing;
    this.#replay.tick(now);
    const { time, playing, speed: rate } = this.#replay;
    const place = placeAt(this.#track, time, this.#place);
    this.#marker.moveTo(place, courseAt(this.#track, place.index));
    if (playing && this.#following) this.#bringIntoView(false);
    this.#others.at(time);
    this.#dock.at(time, { playing, rate, following: this.#following });
    if (played && !playing) this.#actions.save();
    return playing ? 0 : undefined;
  }

  // #bringIntoView moves the map when the place that is looked at is not well inside it.
  #bringIntoView(animate) {
    const { map } = this.#mapView;
    if (map._animatingZoom || !this.#marker) return;
    const place = placeAt(this.#track, this.#replay.time, this.#place);
    this.#marker.moveTo(place, NaN);
    const { left, top, right, bottom } = this.#covers();
    const size = map.getSize();
    const edge = Math.min(size.x - left - right, size.y - top - bottom) * EDGE;
    const at = this.#marker.point();
    if (at.x > left + edge && at.x < size.x - right - edge && at.y > top + edge && at.y < size.y - bottom - edge) return;
    const middle = L.point((left + size.x - right) / 2, (top + size.y - bottom) / 2);
    map.panBy(at.subtract(middle).round(), { animate });
  }

  // ---- the replay

  #toggle() {
    if (!this.#track) return;
    if (this.#replay.playing) this.#replay.pause();
    else this.#replay.play(performance.now());
    if (!this.#replay.playing) this.#actions.save();
    this.#task.request();
  }

  #faster(rate) {
    this.#replay.speed = rate;
    this.#task.request();
  }

  #seek(time) {
    this.#replay.seek(time);
    if (this.#following) this.#bringIntoView(false);
    this.#actions.save();
    this.#task.request();
  }

  // #step goes to the next stop, gap or end, or back to the last one.
  #step(direction) {
    const { time } = this.#replay;
    const times = this.#moments.map(({ from }) => from);
    const to = direction > 0 ? times.find((from) => from > time + 500) : times.findLast((from) => from < time - 500);
    if (to !== undefined) this.#seek(to);
  }

  #follow(on) {
    if (!this.visible || on === this.#following) return;
    this.#following = on;
    if (on) this.#bringIntoView(true);
    this.#task.request();
  }

  // Space and arrows belong to the replay unless something else has the keyboard that knows what to do with them.
  #key(e) {
    if (!this.visible || !this.#track || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const onLine = e.target === this.#dock.scrubber.$root[0];
    if (!onLine && e.target !== document.body && !e.target.closest('.replay, .history-view .card-body')) return;
    const pressable = e.target.matches('button, a, [role=button]');
    if (e.key === ' ' && !pressable) {
      e.preventDefault();
      this.#toggle();
    } else if (!onLine && /^Arrow(Left|Right)$/.test(e.key)) {
      this.#dock.scrubber.key(e);
    }
  }
}
