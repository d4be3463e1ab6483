// Short messages at the bottom of the page, gone after a few seconds. They are a popover: a dialog would hide them.

import $ from '../../vendor/jquery.js';
import { make } from './dom.js';

const LIFETIME = 5000;
const MOST = 3;

export function notify(text) {
  const $notices = $('#notices');
  const $notice = make('p', 'notice', text).appendTo($notices);
  $notices.children().slice(0, -MOST).remove();
  raise($notices[0]);
  setTimeout(() => $notice.remove(), LIFETIME);
}

// raise puts an element above what has been opened since it was shown; a browser that knows no popovers shows it as it is.
function raise(element) {
  if (!element.showPopover) return;
  element.popover = 'manual';
  if (element.matches(':popover-open')) element.hidePopover();
  element.showPopover();
}
