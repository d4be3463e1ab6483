// Who this phone is: its ID, where that comes from, and the password that goes with it.

import { problemWith } from '../deviceid.js';
import { recall, remember } from '../remember.js';

const KEY = 'phone.id';
const PASSWORD = 'phone.password';

const KINDS = [
  'amber', 'bold', 'brave', 'bright', 'calm', 'clear', 'clever', 'coral', 'eager', 'early', 'fair', 'gentle', 'golden', 'happy', 'hazel', 'honest',
  'jolly', 'keen', 'kind', 'lively', 'lucky', 'lunar', 'mellow', 'merry', 'misty', 'noble', 'polar', 'proud', 'quick', 'quiet', 'rapid', 'royal',
  'silver', 'smart', 'solar', 'steady', 'sunny', 'swift', 'tidy', 'warm',
];
const ANIMALS = [
  'badger', 'bear', 'beaver', 'bison', 'crane', 'deer', 'dolphin', 'eagle', 'falcon', 'finch', 'fox', 'gull', 'hare', 'heron', 'horse', 'ibex',
  'jay', 'koala', 'lark', 'lynx', 'magpie', 'marten', 'mole', 'moose', 'newt', 'otter', 'owl', 'panda', 'puffin', 'raven', 'robin', 'seal',
  'swan', 'tiger', 'trout', 'turtle', 'walrus', 'whale', 'wolf', 'wren',
];

// suggest makes a name that people can say and that nobody else has: one of 16 million.
export function suggest(random = (bytes) => crypto.getRandomValues(bytes)) {
  const [kind, animal, high, low] = random(new Uint8Array(4));
  const number = (high << 8 | low) % 10000;
  return `${KINDS[kind % KINDS.length]}-${ANIMALS[animal % ANIMALS.length]}-${String(number).padStart(4, '0')}`;
}

// linkedID returns the ID that a link names (#id=…); null if it names none.
export function linkedID(hash) {
  const id = new URLSearchParams(hash.replace(/^#/, '')).get('id')?.trim() ?? '';
  return problemWith(id) === null ? id : null;
}

// offeredID returns the ID of a link (#id=…) that is not to be taken unasked, since positions of the one that is kept are still to be
// sent; else null.
export function offeredID(hash, unsent) {
  const [linked, kept] = [linkedID(hash), recall(KEY) ?? ''];
  return unsent > 0 && linked !== kept && problemWith(kept) === null ? linked : null;
}

// ownID returns the ID of this browser, from a link (#id=…) before the one that is kept, and makes one at the first visit.
export function ownID(hash) {
  const kept = recall(KEY) ?? '';
  return keepID(linkedID(hash) ?? (problemWith(kept) === null ? kept : suggest()));
}

export function keepID(id) {
  remember(KEY, id);
  return id;
}

// The password of the device, where the server wants one; it is kept as the ID is.
export const ownPassword = () => recall(PASSWORD) ?? '';

export function keepPassword(password) {
  remember(PASSWORD, password);
  return password;
}
