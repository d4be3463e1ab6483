// The page: what is connected to what. Data flows feed → fleet → (map, list, card, motion page), each of which
// draws in the page's frame when something it shows has changed.

import $ from '../vendor/jquery.js';
import { t, lang, setLang, onLang, translate, LANGUAGES } from './i18n.js';
import { startTheme, toggleTheme } from './theme.js';
import { loadIcons } from './icons.js';
import { Fleet, LOCATED } from './fleet.js';
import { DeviceOrder } from './order.js';
import { Selection } from './selection.js';
import { Marks } from './marks.js';
import { FeedClient } from './feed/client.js';
import { POSITIONS, MOTIONS, PRESENCE } from './feed/decode.js';
import { MapView } from './map/mapview.js';
import { AutoView } from './map/autoview.js';
import { setTiles } from './map/basemap.js';
import { DeviceList } from './ui/list.js';
import { FilterBar } from './ui/filterbar.js';
import { Compose } from './ui/compose.js';
import { Card } from './ui/card.js';
import { Events } from './ui/events.js';
import { MotionPage } from './ui/motionpage.js';
import { WireView } from './ui/wireview.js';
import { copy } from './ui/clipboard.js';
import { ConnectDialog } from './ui/connect.js';
import { Help } from './ui/help.js';
import { LinkState } from './ui/link.js';
import { colourOf } from './ui/alerts.js';
import { AlertChips } from './ui/alertchips.js';
import { notify } from './ui/notices.js';
import { makeSheet, narrow, settle } from './ui/sheet.js';
import { bindKeys } from './ui/keys.js';
import { makeMenu } from './ui/menu.js';
import { addStyles, once } from './ui/lazy.js';
import { startAccount } from './ui/account.js';
import { exposeDiagnostics } from './diagnostics.js';
import * as permalink from './permalink.js';

const EMPTY_AFTER = 1200; // ms after hello: a fleet without devices is really empty

startTheme();
$('html').attr('lang', lang());
translate($(document.body));
loadIcons().catch((err) => console.warn(`icons: ${err.message}`));

const fleet = new Fleet();
const order = new DeviceOrder(fleet);
const selection = new Selection(fleet);
const marks = new Marks();
const feed = new FeedClient('api/v1/feed', { hello, dir, frame, message });
const mapView = new MapView({ fleet, order, selection });
const autoView = new AutoView(mapView, fleet);
const loading = () => feed.epoch === '';
const list = new DeviceList({ fleet, order, selection, marks, onOrder: reordered, loading });
const filterBar = new FilterBar({ fleet, order, marks, list, loading, onFilter: saveLink, onWrite: writeText });
const motionPage = new MotionPage({ fleet, order, selection, notify });
const wireView = new WireView({ selection, fleet });
const events = new Events({ onOpen: openFromEvent });
const card = new Card({
  fleet, selection,
  actions: {
    close: deselect,
    follow: toggleFollow,
    following: () => mapView.following,
    wire: () => show('wire'),
    history: () => show('history'),
    forward: (body) => compose.open([], body),
    copy, notify,
  },
});
const compose = new Compose({ fleet, onSent: (text) => selection.heard(text) });
const alertChips = new AlertChips(openFromEvent);
const connectDialog = new ConnectDialog();
const help = new Help();
let view = 'map';
let saveTimer = 0;
let saveMap = false; // the link holds the place once the user, or a link, has chosen one

function reordered() {
  filterBar.render();
  mapView.changed();
  motionPage.changed();
}

function changed() {
  mapView.changed();
  list.changed();
  card.changed();
  motionPage.changed();
}

// ---- feed

const APPLY = {
  [POSITIONS]: (frame, now) => fleet.positions(frame, now),
  [MOTIONS]: (frame, now) => fleet.motion(frame, now),
  [PRESENCE]: (frame) => fleet.presence(frame),
};

function hello(message) {
  if (!message.resumed) {
    fleet.clear();
    mapView.layer.clear();
    list.restart();
    events.clear();
    wireView.restart();
  }
  fleet.clockOffset = message.now - Date.now();
  connectDialog.demo = message.demo === true;
  setTiles(mapView.map, message.settings?.tiles);
  setTimeout(offerToConnect, EMPTY_AFTER);
  if (message.resumed) selection.refresh();
  changed();
}

function dir({ first, ids }) {
  fleet.directory(first, ids);
  if (ids.includes(selection.id)) resolveSelection();
  list.changed();
}

function frame(batch) {
  const now = performance.now();
  APPLY[batch.type](batch, now);
  autoView.changed(now);
  showLinkedDevice();
  if (connectDialog.isOpen && connectDialog.empty) connectDialog.close();
  changed();
}

const MESSAGES = {
  text({ text }) {
    selection.heard(text);
    compose.heard(text);
  },
  event: (event) => events.add(event),
  alert({ device, color }) {
    const i = fleet.indexOf(device);
    if (i < 0) return;
    if (fleet.has(i, LOCATED)) mapView.layer.flash(i, colourOf(color));
    else alertChips.show(device, colourOf(color));
    motionPage.flash(i, colourOf(color));
    list.flash(i, colourOf(color));
  },
  'motion-removed'({ index }) {
    fleet.forgetMotion(index);
    changed();
  },
};

function message(received) {
  if (Object.hasOwn(MESSAGES, received.type)) MESSAGES[received.type](received);
}

function offerToConnect() {
  const empty = () => view !== 'console' && fleet.count === 0 && feed.state === 'live' && !document.querySelector('dialog[open]');
  if (empty()) connectDialog.open(empty);
}

// ---- selection and views

let linkedDevice = false; // a link named a device, and no place: go where it is when that is known

function showLinkedDevice() {
  if (!linkedDevice || selection.index < 0 || !fleet.has(selection.index, LOCATED)) return;
  linkedDevice = false;
  autoView.stop();
  mapView.focus(selection.index, { fly: true });
}

// A device that a link or a selection from before a restart names has become known.
function resolveSelection() {
  fleet.watch(selection.index);
  selection.refresh();
}

selection.addEventListener('change', () => {
  fleet.watch(selection.index);
  const i = selection.index;
  const located = i >= 0 && fleet.has(i, LOCATED);
  if (located && view === 'map') mapView.focus(i);
  if (located || view === 'history') autoView.stop(); // the device, or its track, is what to look at
  if (narrow.matches) settle($('#card')[0], 'half');
  motionPage.changed();
  saveLink();
});

// deselect closes what tells of the device; the keyboard goes on in the list if it was there.
function deselect() {
  const within = keyboardWithin();
  selection.select(null);
  if (within) list.focus();
}

// keyboardWithin returns what the keyboard is at in the card or the history, or null. A pointer has no place to keep.
const keyboardWithin = () => document.querySelector(':is(.card, .history-view) :focus-visible');

function openFromEvent(id) {
  const i = fleet.indexOf(id); // -1: a text waits for a device that was never heard from
  const located = i >= 0 && fleet.has(i, LOCATED);
  if (located) show('map');
  selection.select(id);
  if (located) mapView.focus(i, { fly: true });
}

function toggleFollow() {
  if (selection.index < 0) return;
  show('map');
  mapView.follow(!mapView.following);
}

mapView.addEventListener('follow', () => card.changed());

const WITH_CARD = ['map', 'motion']; // views

function show(name) {
  const leaving = view !== name && keyboardWithin();
  view = name;
  for (const element of $('.tab')) {
    if (element.dataset.view !== name) {
      element.removeAttribute('aria-current');
      continue;
    }
    element.setAttribute('aria-current', 'page');
    element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
  motionPage.show(name === 'motion');
  wireView.show(name === 'wire');
  showConsole(name === 'console');
  mapView.show(name === 'map' || name === 'history'); // it measures its room: what was there has to be gone
  showHistory(name === 'history');
  saveLink();
  if (leaving && !(WITH_CARD.includes(name) && leaving.closest('.card'))) $('.tab[aria-current]').trigger('focus');
}

// The history is imported when it is first wanted: most visits are about now.
let historyPage = null;
let historyLink = null; // what a link says of it

async function showHistory(shown) {
  if (shown && historyPage?.visible && !historyLink) return;
  historyPage?.show(false);
  if (!shown) return;
  if (selection.id !== null) autoView.stop();
  mapView.follow(false);
  try {
    historyPage = await makeHistory();
    if (view === 'history') historyPage.show(true, historyLink ?? {});
    historyLink = null;
  } catch (err) {
    failedToShow('history', err);
  }
}

const makeHistory = once(async () => {
  const [{ HistoryPage }] = await Promise.all([import('./history/page.js'), addStyles('css/history.css')]);
  return new HistoryPage({ mapView, selection, marks, feed, actions: { close: deselect, save: saveLink, notify } });
});

// The console is imported when it is first wanted, too.
let consoleView = null;
let consoleLink = ''; // where in it a link leads

async function showConsole(shown) {
  $('#console-view').prop('hidden', !shown);
  $('#stage').toggleClass('view-console', shown);
  consoleView?.show(false);
  if (!shown) return;
  try {
    consoleView = await makeConsole();
    if (view !== 'console') return;
    if (consoleLink) consoleView.open(consoleLink);
    consoleLink = '';
    consoleView.show(true);
    saveLink();
  } catch (err) {
    failedToShow('console', err);
  }
}

// A page that could not be fetched takes nobody away from where they have gone meanwhile.
function failedToShow(name, err) {
  console.warn(`${name}: ${err.message}`);
  if (view !== name) return;
  notify(t('nav.failed'));
  show('map');
}

const makeConsole = once(async () => {
  const [{ Console }] = await Promise.all([import('./console/console.js'), addStyles('css/console.css')]);
  return new Console({
    $root: $('#console-view'), feed, notify, onPlace: saveLink, wire: (client) => {
      selection.select(client);
      show('wire');
    },
  });
});

function fit() {
  if (view === 'history') historyPage?.fit();
  else {
    show('map');
    autoView.stop();
    mapView.follow(false);
    mapView.fit();
  }
}

// ---- address bar

let linked = location.hash; // as the page wrote or read it last

function saveLink() {
  clearTimeout(saveTimer);
  saveTimer = setTimeout(() => {
    if (location.hash !== linked) return; // the user has just followed a link, which is about to be opened
    const { lat, lng } = mapView.map.getCenter().wrap();
    history.replaceState(null, '', permalink.format({
      map: saveMap ? { zoom: mapView.map.getZoom(), lat, lng } : null,
      device: selection.id, view, query: order.query, statuses: order.statuses, sort: order.sort, ...historyPage?.link(),
      console: view === 'console' ? consoleView?.place ?? consoleLink : '',
    }));
    linked = location.hash;
  }, 300);
}

function openLink() {
  linked = location.hash;
  const link = permalink.parse(location.hash);
  linkedDevice = link.device !== null && !link.map && link.view !== 'history';
  consoleLink = link.console;
  historyLink = { day: link.day, at: link.at, placed: link.map !== null };
  Object.assign(order, { query: link.query, statuses: link.statuses, sort: link.sort });
  filterBar.showFilter();
  selection.select(link.device);
  if (link.map) { // after the selection, which goes to its device
    saveMap = true;
    autoView.stop();
    mapView.setPlace(link.map);
  }
  show(link.view);
}

mapView.addEventListener('view', saveLink);
mapView.addEventListener('fit', fit);
mapView.addEventListener('touched', () => { saveMap = true; });
window.addEventListener('hashchange', openLink);

// ---- bar, panel, keys

$('.tab').on('click', (e) => show(e.currentTarget.dataset.view));
$('.skip').on('click', (e) => { // the address bar belongs to the permalink
  e.preventDefault();
  openPanel();
  $('#list').trigger('focus');
});
$('#theme-toggle').on('click', toggleTheme);
$('#lang-toggle').on('click', () => setLang(LANGUAGES[(LANGUAGES.indexOf(lang()) + 1) % LANGUAGES.length]));
$('#help-open').on('click', () => help.open());
$(document.body).on('click', '#connect-open, [data-connect]', () => connectDialog.open());
$('.panel-tab').on('click', (e) => showPanelTab(e.currentTarget.id.replace('tab-', '')));
onLang((tag) => {
  $('html').attr('lang', tag);
  translate($(document.body));
});
makeSheet($('#panel')[0], $('#sheet-handle')[0], 'peek');
makeMenu($('#tools-more')[0], $('#tools')[0]);
startAccount(feed).catch((err) => console.warn(`account: ${err.message}`));

function showPanelTab(name) {
  $('#panel').attr('data-tab', name);
  for (const element of $('.panel-tab')) element.setAttribute('aria-selected', element.id === `tab-${name}`);
  if ($('#panel')[0].dataset.stop === 'peek') settle($('#panel')[0], 'half');
}

function needDevice(action) {
  return () => (selection.id === null ? notify(t('key.noDevice')) : action());
}

bindKeys({
  '/': () => {
    if (view === 'console') return consoleView?.focusSearch();
    openPanel();
    return $('#search').trigger('focus').trigger('select');
  },
  f: fit,
  t: () => writeText(),
  a: needDevice(() => card.alertRed()),
  l: () => { openPanel(); $('#list').trigger('focus'); },
  m: () => show(view === 'map' ? 'motion' : 'map'),
  w: () => show(view === 'wire' ? 'map' : 'wire'),
  c: () => show(view === 'console' ? 'map' : 'console'),
  h: () => show(view === 'history' ? 'map' : 'history'),
  o: needDevice(toggleFollow),
  '?': () => help.open(),
  Escape: (e) => {
    if (e.target.id === 'search' && order.filtered) filterBar.clearFilter();
    else if (e.target.matches('input, textarea, select')) e.target.blur();
    else if (view === 'console') consoleView?.escape();
    else if (marks.size) marks.clear();
    else if (mapView.following) mapView.follow(false);
    else deselect();
  },
});

// writeText is for the marked devices, or else for the one that is open.
function writeText() {
  if (marks.size) compose.open(marks.list());
  else if (selection.id === null) notify(t('key.noDevice'));
  else if ($('#card').is(':visible')) card.writeText();
  else compose.open([selection.id]); // not all views have the card
}

function openPanel() {
  if (view === 'console') show('map'); // it has no panel
  showPanelTab('devices');
  if (!narrow.matches) return;
  selection.select(null);
  settle($('#panel')[0], 'full');
}

new LinkState(feed);
exposeDiagnostics({ feed, fleet, order, selection, mapView, view: () => view, history: () => historyPage?.status() ?? null });
openLink();
feed.start();
