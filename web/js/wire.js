// A frame or packet, byte by byte, with what each part means. Pure: see js/ui/wireview.js for how it looks.

import { t } from './i18n.js';

const decoder = new TextDecoder();
const LF = 10;
const CR = 13;

// bytesOf reads hexadecimal digits.
export const bytesOf = (hex) => Uint8Array.from({ length: hex.length >> 1 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

// hexOf writes bytes in pairs.
export const hexOf = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ');

// addressOf returns the destination or topic that a frame is about, or ''.
export const addressOf = ({ fields }) => (fields.find(([name]) => name === 'destination' || name === 'topic') ?? ['', ''])[1];

// parts takes a frame of the API apart: a list of {bytes, meaning, kind}; kind is head, header, body, pitch, roll, yaw or end.
export function parts(frame) {
  const raw = bytesOf(frame.raw);
  const list = [];
  let at = 0;
  const take = (end, kind, meaning) => {
    end = Math.min(end, raw.length);
    if (end > at) list.push({ bytes: raw.subarray(at, end), kind, meaning });
    at = Math.max(at, end);
  };
  if (frame.error) take(raw.length, 'head', frame.error);
  else if (frame.protocol === 'stomp') stomp(frame, raw, take, () => at);
  else mqtt(frame, raw, take, () => at);
  const missing = frame.size - raw.length;
  if (missing > 0) list.push({ bytes: new Uint8Array(0), kind: 'end', meaning: t('wire.missing', { n: missing }) });
  return list;
}

// STOMP 1.2: a command, headers and an empty line, the body, NUL.
function stomp(frame, raw, take, at) {
  if (frame.type === 'heart-beat') {
    take(raw.length, 'head', t('wire.heartBeat'));
    return;
  }
  let first = true;
  for (let end = raw.indexOf(LF, at()); end >= 0; end = raw.indexOf(LF, at())) {
    const line = decoder.decode(raw.subarray(at(), raw[end - 1] === CR ? end - 1 : end));
    if (!line && !first) {
      take(end + 1, 'end', t('wire.headersEnd'));
      break;
    }
    take(end + 1, first ? 'head' : 'header', line);
    first = false;
  }
  if (frame.bodySize) body(frame, raw, take);
  take(raw.length, 'end', t('wire.frameEnd'));
}

const MQTT_TYPES = [
  '', 'CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'SUBACK', 'UNSUBSCRIBE', 'UNSUBACK', 'PINGREQ', 'PINGRESP',
  'DISCONNECT', 'AUTH',
];
const PUBLISH = 3;

// MQTT (5.0 §2): the type with its flags, the length of what follows, the variable header, the payload.
function mqtt(frame, raw, take, at) {
  const type = raw[0] >> 4;
  take(1, 'head', type === PUBLISH ? publishFlags(raw[0]) : MQTT_TYPES[type] ?? '');
  let length = 0;
  let k = 1;
  for (let shift = 0; k < raw.length && k < 5; shift += 7) {
    length += (raw[k] & 127) * 2 ** shift;
    if (!(raw[k++] & 128)) break;
  }
  take(k, 'head', t('wire.bytesFollow', { n: length }));
  if (type === PUBLISH) publish(frame, raw, take, at);
  else take(raw.length, 'header', frame.fields.map(([name, value]) => `${name}: ${value}`).join('\n'));
}

function publishFlags(first) {
  const flags = [t('wire.qos', { n: first >> 1 & 3 })];
  if (first & 1) flags.push(t('wire.retain'));
  if (first & 8) flags.push(t('wire.dup'));
  return `PUBLISH, ${flags.join(', ')}`;
}

function publish(frame, raw, take, at) {
  const from = at();
  const topic = from + 2 + (raw[from] << 8 | raw[from + 1]);
  take(topic, 'header', t('wire.topic', { topic: decoder.decode(raw.subarray(from + 2, topic)) }));
  if (raw[0] >> 1 & 3) take(topic + 2, 'header', t('wire.packetID', { n: String(raw[topic] << 8 | raw[topic + 1]) }));
  const bodyAt = frame.bodySize ? frame.bodyAt : raw.length;
  const properties = frame.fields.filter(([name]) => !['topic', 'qos', 'retain', 'dup', 'packet id'].includes(name));
  take(bodyAt, 'header', properties.length ? properties.map(([name, value]) => `${name}: ${value}`).join('\n') : t('wire.noProperties'));
  if (frame.bodySize) body(frame, raw, take);
}

const AXES = ['pitch', 'roll', 'yaw'];

// A motion's three numbers are shown one by one, any other body as a whole.
function body(frame, raw, take) {
  const end = frame.bodyAt + frame.bodySize;
  if (/^[/.]mwm[/.].+[/.]motion$/.test(addressOf(frame).replace(/^\/topic\//, '')) && frame.bodySize === 24 && raw.length >= end) {
    const view = new DataView(raw.buffer, frame.bodyAt, 24);
    AXES.forEach((axis, k) => {
      const radians = view.getFloat64(8 * k); // big-endian
      take(frame.bodyAt + 8 * (k + 1), axis, t('wire.angle', {
        axis: t(`motion.${axis}`), radians: radians.toFixed(4), degrees: String(Math.round(radians * 180 / Math.PI)),
      }));
    });
    return;
  }
  take(end, 'body', frame.text ?? frame.meaning ?? '');
}
