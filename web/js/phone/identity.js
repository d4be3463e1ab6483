// The device's ID: one name in both protocols and a part of every address, so what it may be is the server's rule.

import { recall, remember } from '../remember.js';

const KEY = 'phone.id';
const PASSWORD = 'phone.password';
const MOST_CHARACTERS = 128;
const IN_ADDRESSES = /[./*>+#]/;
const UNSAYABLE = /[\p{Cc}\p{Cs}]/u; // control characters, halves of surrogate pairs

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

// problemWith names what is wrong with an ID, or returns null.
export function problemWith(id) {
  if (id === '') return 'empty';
  if ([...id].length > MOST_CHARACTERS) return 'long';
  if (IN_ADDRESSES.test(id)) return 'address';
  if (UNSAYABLE.test(id)) return 'control';
  return null;
}

// suggest makes a name that people can say and that nobody else has: one of 16 million.
export function suggest(random = (bytes) => crypto.getRandomValues(bytes)) {
  const [kind, animal, high, low] = random(new Uint8Array(4));
  const number = (high << 8 | low) % 10000;
  return `${KINDS[kind % KINDS.length]}-${ANIMALS[animal % ANIMALS.length]}-${String(number).padStart(4, '0')}`;
}

// ownID returns the ID of this browser, from a link (#id=…) before the one that is kept, and makes one at the first visit.
export function ownID(hash) {
  const linked = new URLSearchParams(hash.replace(/^#/, '')).get('id')?.trim() ?? '';
  for (const id of [linked, recall(KEY) ?? '']) {
    if (problemWith(id) === null) return keepID(id);
  }
  return keepID(suggest());
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
