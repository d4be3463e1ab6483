// Sheets: on a phone, panel and card slide in from below and stop at three heights.

const STOPS = ['peek', 'half', 'full'];
export const narrow = matchMedia('(max-width: 760px)');

const PEEK = 124; // visible height in px; css/layout.css has the same

// makeSheet lets a handle drag a sheet, or step it by click and keyboard.
export function makeSheet(sheet, handle, stop) {
  sheet.dataset.stop = stop;
  let drag = null;
  handle.addEventListener('pointerdown', (e) => {
    if (!narrow.matches) return;
    handle.setPointerCapture(e.pointerId);
    drag = { y: e.clientY, top: offsetOf(sheet), moved: false };
  });
  handle.addEventListener('pointermove', (e) => {
    if (!drag) return;
    const dy = e.clientY - drag.y;
    if (Math.abs(dy) > 4) drag.moved = true;
    if (!drag.moved) return;
    sheet.classList.add('dragging');
    sheet.style.transform = `translateY(${Math.max(8, Math.min(sheet.offsetHeight - PEEK, drag.top + dy))}px)`;
  });
  const end = () => {
    if (!drag) return;
    if (drag.moved) settle(sheet, nearestStop(sheet));
    setTimeout(() => { drag = null; });
  };
  handle.addEventListener('pointerup', end);
  handle.addEventListener('pointercancel', end);
  handle.addEventListener('click', () => {
    if (drag?.moved) return;
    settle(sheet, STOPS[(STOPS.indexOf(sheet.dataset.stop) + 1) % STOPS.length]);
  });
}

// The keyboard is seen where it is: a sheet that is down rises to it, and goes when it goes. At a desk, too: a page that is zoomed has
// the room of a phone.
let risen = null;
document.addEventListener('focusin', ({ target }) => {
  if (risen?.dataset.stop === 'full' && !risen.contains(target)) settle(risen, 'peek');
  risen = risen?.contains(target) ? risen : null;
  const sheet = narrow.matches && target.closest('[data-stop="peek"]');
  if (!sheet || target.matches('.sheet-handle') || !target.matches(':focus-visible')) return;
  settle(sheet, 'full');
  risen = sheet;
});

// visibleHeight returns how much of the map a sheet covers from below.
export const visibleHeight = (sheet) => (
  { peek: PEEK, half: sheet.offsetHeight * 0.54, full: sheet.offsetHeight }[sheet.dataset.stop] ?? 0
);

export function settle(sheet, stop) {
  sheet.classList.remove('dragging');
  sheet.style.transform = '';
  sheet.dataset.stop = stop;
}

const offsetOf = (sheet) => new DOMMatrixReadOnly(getComputedStyle(sheet).transform).m42;

function nearestStop(sheet) {
  const share = 1 - offsetOf(sheet) / sheet.offsetHeight;
  if (share > 0.76) return 'full';
  return share > 0.36 ? 'half' : 'peek';
}
