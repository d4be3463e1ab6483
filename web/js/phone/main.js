// The phone's page: sources (sensors or simulated) → channels → connections; and what comes back.

import $ from '../../vendor/jquery.js';
import { t, lang, onLang, translate, addTexts } from '../i18n.js';
import en from '../i18n/phone.en.js';
import ko from '../i18n/phone.ko.js';
import { startTheme, onTheme, colour } from '../theme.js';
import { loadIcons } from '../icons.js';
import { recall, remember } from '../remember.js';
import { notify } from '../ui/notices.js';
import { setText } from '../ui/dom.js';
import { COLOURS, colourOf } from '../ui/alerts.js';
import * as api from '../api.js';
import { ownID, offeredID, linkedID, keepID, ownPassword, keepPassword } from './identity.js';
import { Link } from './link.js';
import { connectSTOMP } from './stomp.js';
import { connectMQTT } from './mqtt.js';
import { Outbox } from './outbox.js';
import { Inbox } from './inbox.js';
import { Channel } from './channel.js';
import { Locator } from './locator.js';
import { Walk, PACES } from './walk.js';
import { Orientation } from './orientation.js';
import { Tilt } from './tilt.js';
import { Pacer } from './pacer.js';
import { encode } from './attitude.js';
import { reportOf } from './position.js';
import { onShake } from './shake.js';
import { Alarm } from './alarm.js';
import { Awake } from './awake.js';
import { buzz } from './buzz.js';
import { keepForOffline } from './offline.js';
import { permissions, questions } from './permissions.js';
import { Links } from './view/links.js';
import { LocationCard, keptPlace } from './view/location.js';
import { MotionCard } from './view/motion.js';
import { TextList, textPanel } from './view/texts.js';
import { startPanel } from './view/start.js';
import { Sheet } from './view/sheet.js';

const HTTPS_COMMAND = 'mwm serve --allow-anonymous \\\n  --http :8080 --https :8443 \\\n  --tls-self-signed';
const WORTH_SAYING = 15000; // ms of being hidden

addTexts({ en, ko });
startTheme();
$('html').attr('lang', lang());
translate($(document.body));
loadIcons().catch((err) => console.warn(`icons: ${err.message}`));

// ---- what is kept in this browser

const kept = (name) => ({
  load() {
    try {
      const value = JSON.parse(recall(name) ?? '[]');
      return Array.isArray(value) ? value : [];
    } catch {
      return [];
    }
  },
  save: (list) => remember(name, JSON.stringify(list)),
});

const idBefore = recall('phone.id');
const offered = offeredID(location.hash, kept('phone.outbox').load().length);
let id = ownID(offered === null ? location.hash : '');
const forgetHash = () => history.replaceState(null, '', location.pathname); // said once: after that the user may choose another
if (location.hash) forgetHash();
let password = ownPassword();
let secure = window.isSecureContext ? {} : null; // {url, selfSigned}: where this page is to be had over HTTPS; null while that is not known
const secureURL = () => (secure?.url ? `${secure.url}#${new URLSearchParams({ id })}` : null);
let lastFix = null;

// The positions that wait are written at most once a second, and when the page goes.
function seldom(store) {
  let timer = 0;
  let latest = null;
  const write = () => {
    clearTimeout(timer);
    timer = 0;
    if (latest) store.save(latest);
    latest = null;
  };
  window.addEventListener('pagehide', write);
  document.addEventListener('visibilitychange', write);
  return { ...store, save(list) { latest = list; timer ||= setTimeout(write, 1000); } };
}

// ---- connections

const endpoint = (path) => {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = url.search = '';
  return url.href;
};

if (idBefore !== id) for (const name of ['phone.outbox', 'phone.inbox']) remember(name, '[]'); // of another device
const outbox = new Outbox(seldom(kept('phone.outbox')));
const inbox = new Inbox(kept('phone.inbox'));
const links = {
  stomp: new Link((events) => connectSTOMP({ url: endpoint('stomp'), id, password, text: textCame }, events)),
  mqtt: new Link((events) => connectMQTT({ url: endpoint('mqtt'), id, password, alert: alertCame }, events)),
};

links.stomp.addEventListener('state', () => {
  if (links.stomp.live) {
    outbox.connected(links.stomp.session, () => locationCard.arrived());
  } else {
    outbox.disconnected();
    inbox.disconnected();
  }
  locationCard.changed();
});

let keeping = 0;

links.mqtt.addEventListener('state', () => {
  clearTimeout(keeping);
  if (links.mqtt.live) keeping = setTimeout(() => keepForOffline(() => links.mqtt.live), 1000); // all of the page is there now
});

// ---- out: positions and motions

const walk = new Walk(keptPlace());
if (Object.hasOwn(PACES, recall('phone.pace') ?? '')) walk.pace = recall('phone.pace');
const position = new Channel('location', 'fix', { sensor: new Locator(), simulated: walk });
const motion = new Channel('motion', 'attitude', { sensor: new Orientation(), simulated: new Tilt() });

position.addEventListener('value', ({ detail }) => {
  lastFix = detail;
  report(detail);
});

position.addEventListener('switch', () => {
  lastFix = null;
  locationCard.forget();
});

// report sends a position, or keeps it for later; but while another page is this device, it is that one's to tell.
function report(fix) {
  if (links.stomp.state !== 'taken') outbox.add(reportOf(fix));
}

const pacer = new Pacer((attitude) => {
  if (!links.mqtt.live) return;
  links.mqtt.session.sendMotion(encode(attitude));
  motionCard.published(attitude);
});

motion.addEventListener('value', ({ detail }) => pacer.offer(detail));
motion.addEventListener('state', () => { if (motion.state !== 'live') pacer.stop(); });

function resend() {
  if (!lastFix || !position.on) return;
  report(lastFix);
  buzz('shake');
  notify(t(links.stomp.live ? 'phone.location.resent' : 'phone.location.resentLater'));
}

onShake(resend);

// ---- in: texts and alerts

function textCame(text) {
  if (inbox.receive(text)) buzz('text');
}

const alarm = new Alarm({ ground: $('#ground')[0], content: $('#frame')[0], label: $('#alert')[0] });

function alertCame(name) {
  const known = Object.hasOwn(COLOURS, name) ? name : 'red';
  alarm.show(colourOf(name), t('phone.alert', { colour: t(`colour.${known}`) }));
  buzz('alert');
}

// ---- the page

const locationCard = new LocationCard({ channel: position, outbox, resend, secureURL });
const motionCard = new MotionCard({ channel: motion, secureURL });
new TextList(inbox);
const refused = () => Object.values(links).some((link) => link.state === 'refused');
const sheet = new Sheet({ id: () => id, password: () => password, asksPassword: () => refused() || password !== '', unsent: () => outbox.size, become });
new Links(links, { id: () => id, identify: () => sheet.open() });
const awake = new Awake();

$('#device-open').on('click', () => sheet.open());

// become is another device, or the same with another password.
async function become(next, secret) {
  if (next === id && secret === password && !refused()) return;
  await Promise.race([Promise.allSettled(Object.values(links).map((link) => link.stop())), new Promise((done) => { setTimeout(done, 2000); })]);
  if (next !== id) forgetOldDevice();
  id = keepID(next);
  password = keepPassword(secret);
  showDevice();
  showSecure();
  for (const link of Object.values(links)) link.start();
}

function forgetOldDevice() {
  outbox.clear();
  inbox.clear();
  lastFix = null;
  locationCard.fresh();
}

function showDevice() {
  const may = (channel, link) => channel.on && link.state !== 'taken' && link.state !== 'refused';
  const tells = (channel, link) => may(channel, link) && (channel.state === 'live' || channel.state === 'lost');
  const [location, motions] = [tells(position, links.stomp), tells(motion, links.mqtt)];
  const nothing = may(position, links.stomp) || may(motion, links.mqtt) ? 'waiting' : 'nothing';
  const what = location && motions ? 'both' : location ? 'location' : motions ? 'motion' : nothing;
  const doing = t(`phone.doing.${what}`);
  setText($('#device-id')[0], id);
  setText($('#doing')[0], awake.held ? t('phone.doing.awake', { doing }) : doing);
  document.title = `${id} – mwm`;
}

// The dock holds what the user is asked just now: a text before everything, else, at the first visit, to start.
let listensOnly = false;
let asked = null; // what the browser will ask
let docked = '';

function showDock() {
  const [text] = inbox.open;
  const asks = secure !== null && position.chosen === null && motion.chosen === null && !listensOnly;
  const what = [text?.key ?? '', inbox.open.length, text ? '' : asks, lang(), secureURL(), asked].join('\n');
  if (what === docked) return;
  docked = what;
  const $panel = text ? textPanel(inbox) : asks ? startPanel({ actions: starts, questions: asked, secureURL: secureURL(), selfSigned: secure.selfSigned, command: HTTPS_COMMAND }) : null;
  const $dock = $('#dock');
  const hadFocus = $dock[0].contains(document.activeElement);
  $dock.empty().prop('hidden', $panel === null).append($panel ?? '');
  if (hadFocus) ($panel?.find('h2')[0] ?? $('#main h1')[0]).focus();
}

const starts = {
  start() {
    motion.switchTo('sensor'); // first: where the browser asks for a tap, this is it
    position.switchTo('sensor');
  },
  simulate() {
    motion.switchTo('simulated');
    position.switchTo('simulated');
  },
  later() {
    listensOnly = true;
    showDock();
  },
};

for (const channel of [position, motion]) {
  channel.addEventListener('state', () => {
    awake.want(position.on || motion.on);
    showDevice();
    showDock();
  });
}
for (const link of Object.values(links)) link.addEventListener('state', showDevice);
awake.addEventListener('change', showDevice);
inbox.addEventListener('change', showDock);
onLang((tag) => {
  $('html').attr('lang', tag);
  translate($(document.body));
  showDevice();
  showDock();
});

const tintBar = () => $('meta[name="theme-color"]').attr('content', colour('--surface'));
onTheme(tintBar);
tintBar();

// ---- being hidden, and coming back

let hiddenAt = 0;

function visibility() {
  if (document.hidden) {
    hiddenAt = Date.now();
    if (motion.mode === 'sensor') pacer.stop(); // sensors are silent now: what was last felt is no news
    return;
  }
  for (const link of Object.values(links)) link.retry();
  const away = hiddenAt ? Date.now() - hiddenAt : 0;
  if (away < WORTH_SAYING || !(position.on || motion.on)) return;
  const seconds = Math.round(away / 1000);
  const time = seconds < 120 ? t('phone.hidden.seconds', { n: seconds }) : t('phone.hidden.minutes', { n: Math.round(seconds / 60) });
  notify(t('phone.hidden', { time }));
}

document.addEventListener('visibilitychange', visibility);
// A page that is left may be kept frozen, with its connections: to the server it would seem to be there still.
window.addEventListener('pagehide', () => Object.values(links).forEach((link) => link.drop()));
for (const event of ['online', 'pageshow']) window.addEventListener(event, () => Object.values(links).forEach((link) => link.retry()));

// ---- off we go

async function findSecure() {
  if (secure) return;
  secure = await api.securePhone().catch(() => ({})); // then there is no link, only the command
  showSecure();
}

function showSecure() {
  locationCard.changed();
  motionCard.changed();
  showDock();
}

showDevice();
showDock();
for (const link of Object.values(links)) link.start();
position.resume();
motion.resume();
findSecure();
if (offered !== null) sheet.open(offered);
// A link to the page that is open already loads nothing; what runs is not stopped unasked.
window.addEventListener('hashchange', () => {
  const linked = linkedID(location.hash);
  forgetHash();
  if (linked !== null && linked !== id) sheet.open(linked);
});
permissions().then((states) => {
  asked = questions(states);
  showDock();
});
