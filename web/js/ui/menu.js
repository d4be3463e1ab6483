// On a phone, the tools of the bar are in a menu.

export function makeMenu(button, menu) {
  const toggle = (open) => {
    menu.classList.toggle('open', open);
    button.setAttribute('aria-expanded', open);
  };
  const isOpen = () => menu.classList.contains('open');
  button.addEventListener('click', () => {
    toggle(!isOpen());
    if (isOpen()) menu.querySelector('button').focus();
  });
  menu.addEventListener('click', () => toggle(false));
  document.addEventListener('pointerdown', (e) => {
    if (isOpen() && !menu.contains(e.target) && !button.contains(e.target)) toggle(false);
  });
  menu.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape' || !isOpen()) return;
    e.stopPropagation();
    toggle(false);
    button.focus();
  });
}
