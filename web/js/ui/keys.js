// Keyboard commands. They never fire while somebody types, nor with a modifier that belongs to the browser.

export function bindKeys(commands) {
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.key === 'Escape') {
      // Dialogs close themselves.
      if (!document.querySelector('dialog[open]')) commands.Escape(e);
      return;
    }
    if (document.querySelector('dialog[open]') || typing(e.target)) return;
    const command = commands[e.key];
    if (!command || e.key.length > 1) return;
    e.preventDefault();
    command(e);
  });
}

const typing = (element) => element.matches?.('input, textarea, select, [contenteditable]');
