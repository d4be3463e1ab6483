// The history of a device: a day's track on the map, and its replay. The page imports this when it is first wanted; what it fetched and drew is
// let go when it is left.

import $ from '../../vendor/jquery.js';
import { t, addTexts, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { onTheme } from '../theme.js';
import * as api from '../api.js';
import { make } from '../ui/dom.js';
import { makeSheet, narrow, settle, visibleHeight } from '../ui/sheet.js';
import { DayPanel } from './daypanel.js';
import { decode } from './decode.js';
import { Dock } from './dock.js';
import { OnMap } from './onmap.js';
import { MOST, Others } from './others.js';
import { COLOURINGS } from './panel.js';
import { ramp } from './ramp.js';
import { Replay } from './replay.js';
import { moments, speedScale } from './timeline.js';
import { measure } from './track.js';
import { day as dayName, zone } from './words.js';
import en from '../i18n/history.en.js';
import ko from '../i18n/history.ko.js';

addTexts({ en, ko });

const GROWS = 30_000; // ms after which a day that is not over yet is looked at again
const NONE = { ts: new Float64Array(0), mps: new Float32Array(0), count: 0, stops: [], gaps: [] };

export class HistoryPage {
  visible = false;
  #mapView;
  #selection;
  #marks;
  #feed;
  #actions;
  #replay = new Replay();
  #onMap;
  #others;
  #root = null;
  #dock = null;
  #panel = null;
  #days = [];
  #day = null; // of #days
  #track = null;
  #moments = [];
  #info = null;
  #state = 'none';
  #reason = '';
  #colouring = COLOURINGS[0];
  #following = true;
  #request = null;
  #timer = 0;
  #readyMs = NaN;
  #task = addTask((now) => this.#draw(now));

  // actions: close() looks at no device any more, save() puts what is looked at into the address bar, notify(text)
  constructor({ mapView, selection, marks, feed, actions }) {
    this.#mapView = mapView;
    this.#selection = selection;
    this.#marks = marks;
    this.#onMap = new OnMap(mapView);
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
  async open({ day = null, at = null, placed = false }) {
    const { id } = this.#selection;
    this.#release();
    this.#days = [];
    this.#day = null;
    if (id === null) this.#become('none');
    else await this.#load({ day, at, placed, afresh: true });
  }

  // link is what the address bar is to say.
  link() {
    if (!this.visible || !this.#day || !this.#track) return { day: null, at: null };
    return { day: this.#day.day, at: Math.round((this.#replay.time - this.#day.from) / 1000) };
  }

  // fit brings the whole track into view.
  fit(animate = true) {
    if (this.#track?.count) this.#onMap.fit(animate);
  }

  // status is for diagnostics.
  status() {
    return {
      state: this.#state, device: this.#selection.id, day: this.#day?.day ?? null, points: this.#track?.count ?? 0, time: this.#replay.time, playing: this.#replay.playing,
      speed: this.#replay.speed, readyMs: this.#readyMs, ...this.#onMap.effort,
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
    this.#panel.showCompany(this.#others.list);
    this.#task.request();
  }

  // Those who are shown beside it go on, too, also while it stands still; one may come that was not there yet.
  async #growOthers() {
    const absent = this.#others.list.filter(({ track }) => !track);
    await this.#others.grow(this.#day.day);
    if (!this.#track) return;
    if (absent.some(({ track }) => track)) this.#panel.showCompany(this.#others.list);
    this.#task.request();
  }

  // #await looks again at a day that is not over.
  #await() {
    clearTimeout(this.#timer);
    if (this.#day.to > Date.now()) this.#timer = setTimeout(() => this.#load({}), GROWS);
  }

  async #delete() {
    await api.deleteTrack(this.#selection.id);
    this.#actions.notify(t('history.deleted', { id: this.#selection.id }));
    await this.open({});
  }

  // ---- what is shown

  #leave() {
    this.#request?.abort();
    clearTimeout(this.#timer);
    this.#release();
    this.#dock.destroy();
    this.#root.remove();
    this.#root = this.#dock = this.#panel = null;
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
    this.#onMap.clear();
    this.#track = null;
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
    this.#panel = new DayPanel({
      close: () => this.#actions.close(), retry: () => this.#load({ afresh: true }), unfold: () => { if (narrow.matches) settle(this.#root[0], 'full'); },
      chooseDay: (day) => this.#chooseDay(day), colour: (name) => this.#colour(name), visit: (time) => this.#visit(time), remove: () => this.#delete(),
    });
    const $handle = make('button', 'sheet-handle').attr({ type: 'button', 'aria-label': t('sheet.resize') });
    this.#root = make('section', 'history-view').attr({ id: 'history-view', 'aria-label': t('nav.history'), 'data-testid': 'history-page' })
      .append($handle, this.#dock.$root, this.#panel.$root).insertBefore('#card');
    makeSheet(this.#root[0], $handle[0], stop);
    this.#mapView.covered = () => this.#covers();
    this.#render();
  }

  #render() {
    if (!this.#root) return;
    this.#root.attr('data-state', this.#state);
    const ready = this.#state === 'ready';
    this.#panel.show({
      id: this.#selection.id, state: this.#state, reason: this.#reason, info: this.#info, days: this.#days, day: this.#day, track: this.#track, moments: this.#moments,
      colouring: this.#colouring, others: this.#others.list,
    });
    this.#dock.$root.prop('hidden', !ready);
    if (!ready) return;
    const share = this.#share();
    this.#dock.show(this.#track, this.#moments, this.#day.from, this.#day.to, (mps, time) => ramp(share(mps, time)));
    this.#dock.scrubber.at(this.#replay.time); // a key may come before the first frame
    this.#onMap.show(this.#track, share);
    this.#task.request();
  }

  async #chooseDay(day) {
    this.#release();
    await this.#load({ day, afresh: true });
    if (document.activeElement === document.body) this.#panel?.focusDate(); // else the keyboard has gone on meanwhile
  }

  #visit(time) {
    this.#seek(time);
    this.#bringIntoView(true);
  }

  // ---- on the map

  // #covers are the pixels at the map's edges that the panel and the controls cover.
  #covers() {
    const map = this.#mapView.map.getContainer().getBoundingClientRect();
    if (narrow.matches) return { left: 0, top: 0, right: 0, bottom: this.#state === 'none' ? 124 : Math.min(visibleHeight(this.#root[0]), map.height * 0.6) };
    const panel = this.#panel.$root[0].getBoundingClientRect();
    const dock = this.#dock.$root[0].getBoundingClientRect();
    const bottom = dock.height ? map.bottom - dock.top : 0;
    if (panel.left <= map.left) return { left: Math.max(0, panel.right - map.left), top: 0, right: 0, bottom };
    return { left: 0, top: 0, right: map.right - panel.left, bottom };
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
    this.#panel.focusColour(name);
  }

  #restyle() {
    this.#onMap.restyle();
    this.#others.restyle();
    this.#dock.scrubber.redraw();
  }

  #draw(now) {
    if (!this.#track) return undefined;
    const played = this.#replay.playing;
    this.#replay.tick(now);
    const { time, playing, speed: rate } = this.#replay;
    this.#onMap.at(time);
    if (playing && this.#following) this.#bringIntoView(false);
    this.#others.at(time);
    this.#dock.at(time, { playing, rate, following: this.#following });
    if (played && !playing) this.#actions.save();
    return playing ? 0 : undefined;
  }

  #bringIntoView(animate) {
    this.#onMap.bringIntoView(this.#replay.time, this.#covers(), animate);
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
