// The icons become part of the document: <use href="#i-name"> then works without the server, also while it is gone.

export async function loadIcons() {
  const response = await fetch('icons.svg', { credentials: 'same-origin' });
  const svg = new DOMParser().parseFromString(await response.text(), 'image/svg+xml').documentElement;
  svg.setAttribute('class', 'sprite');
  svg.setAttribute('aria-hidden', 'true');
  document.body.prepend(document.adoptNode(svg));
}
