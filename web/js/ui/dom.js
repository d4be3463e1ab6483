// Small helpers for building the page. Data reaches the document as text only: .text(), never .html().

import $ from '../../vendor/jquery.js';
import { STATUS_NAMES } from '../fleet.js';

const SVG = 'http://www.w3.org/2000/svg';

function svg(name, className) {
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('class', className);
  element.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  element.append(use);
  return element;
}

export const icon = (name) => svg(name, 'icon');
export const needle = () => svg('needle', 'needle');
export const glyph = (status) => svg(`status-${STATUS_NAMES[status]}`, `glyph glyph-${STATUS_NAMES[status]}`);

export function setGlyph(element, status) {
  const name = STATUS_NAMES[status];
  if (element.dataset.glyph === name) return;
  element.dataset.glyph = name;
  element.setAttribute('class', `glyph glyph-${name}`);
  element.firstChild.setAttribute('href', `#i-status-${name}`);
}

export const make = (tag, className = '', text = '') => {
  const $element = $(document.createElement(tag));
  if (className) $element.addClass(className);
  if (text) $element.text(text);
  return $element;
};

export const button = (className, iconName, text) => {
  const $button = make('button', className).attr('type', 'button');
  if (iconName) $button.append(icon(iconName));
  if (text) $button.append(make('span', '', text));
  return $button;
};

// setText writes only what has changed: comparing is far cheaper than a layout.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

// sharp sizes a canvas for the screen's resolution and returns its 2D context in CSS pixels.
export function sharp(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}
