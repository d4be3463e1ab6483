// What a device may be called: one name in both protocols and a part of every address, so the rule is the server's.

export const MOST_CHARACTERS = 128; // code points, as the server counts
const IN_ADDRESSES = /[./*>+#]/;
const UNSAYABLE = /[\p{Cc}\p{Cs}]/u; // control characters, halves of surrogate pairs

// problemWith names what is wrong with an ID, or returns null.
export function problemWith(id) {
  if (id === '') return 'empty';
  if ([...id].length > MOST_CHARACTERS) return 'long';
  if (IN_ADDRESSES.test(id)) return 'address';
  if (UNSAYABLE.test(id)) return 'control';
  return null;
}

// candidates returns the IDs of up to so many devices that somebody may mean who has typed this: the one with just this name first. A
// name that no device has comes last: it may be that of one that is still to come.
export function candidates(fleet, typed, most) {
  const query = typed.toLowerCase();
  const known = fleet.indexOf(typed) >= 0;
  const found = known ? [typed] : [];
  const offered = !known && problemWith(typed) === null ? [typed] : [];
  for (const id of query ? fleet.ids : []) {
    if (found.length + offered.length >= most) break;
    if (id !== typed && id.toLowerCase().includes(query)) found.push(id);
  }
  return [...found, ...offered];
}
