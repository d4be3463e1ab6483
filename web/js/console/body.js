// The body of a message, for people: as JSON, as text, as bytes. Pure.

const WIDTH = 16; // bytes of a line
const MOTION = /^\/topic\/\.mwm\..+\.motion$/;

export const FORMS = ['motion', 'json', 'text', 'hex'];

const decoder = new TextDecoder();

// bytesOf returns the bytes of a body of the API: {encoding, data}.
export function bytesOf({ encoding, data }) {
  if (encoding === 'base64') return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  return new TextEncoder().encode(data);
}

// formsOf says how a body can be shown, the best first.
export function formsOf(body, destination = '') {
  if (!body.size) return [];
  const forms = [];
  if (MOTION.test(destination) && body.size === 24) forms.push('motion');
  if (body.encoding === 'text') {
    if (pretty(body.data) !== null) forms.push('json');
    forms.push('text');
  }
  forms.push('hex');
  return forms;
}

// pretty returns JSON with one member a line, or null if a text is no object or list of JSON.
export function pretty(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return respaced(text);
  } catch {
    return null;
  }
}

// JSON.stringify would change numbers that JavaScript cannot hold, and drop members that come twice: only white space may change.
function respaced(text) {
  JSON.parse(text);
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  let depth = 0;
  let out = '';
  const line = () => `\n${'  '.repeat(depth)}`;
  tokens.forEach((token, k) => {
    if (token === '{' || token === '[') {
      const empty = tokens[k + 1] === '}' || tokens[k + 1] === ']';
      depth++;
      out += empty ? token : token + line();
    } else if (token === '}' || token === ']') {
      depth--;
      const empty = tokens[k - 1] === '{' || tokens[k - 1] === '[';
      out += empty ? token : line() + token;
    } else {
      out += token === ',' ? `,${line()}` : token === ':' ? ': ' : token;
    }
  });
  return out;
}

// dump returns the bytes as lines: where they are, the bytes, the characters.
export function dump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const part = bytes.subarray(at, at + WIDTH);
    const hex = Array.from(part, (b) => b.toString(16).padStart(2, '0')).join(' ').padEnd(3 * WIDTH - 1);
    const shown = Array.from(part, (b) => (b > 31 && b < 127 ? String.fromCharCode(b) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}  ${shown}`);
  }
  return lines.join('\n');
}

// angles returns pitch, roll and yaw of a motion, in radians (big-endian).
export function angles(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 24);
  return [0, 8, 16].map((at) => view.getFloat64(at));
}

// asText returns what the body says in one of its forms but motion.
export function asText(body, form) {
  if (form === 'json') return pretty(body.data);
  return form === 'hex' ? dump(bytesOf(body)) : body.encoding === 'text' ? body.data : decoder.decode(bytesOf(body));
}
