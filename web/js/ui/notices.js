// Short messages at the bottom of the page, gone after a few seconds.

import $ from '../../vendor/jquery.js';
import { make } from './dom.js';

const LIFETIME = 5000;
const MOST = 3;

export function notify(text) {
  const $notices = $('#notices');
  const $notice = make('p', 'notice', text).appendTo($notices);
  $notices.children().slice(0, -MOST).remove();
  setTimeout(() => $notice.remove(), LIFETIME);
}
