// For what is imported when it is first wanted.

// once makes something when it is first asked for, however many ask before it is there; after a failure it tries again.
export function once(make) {
  let made = null;
  return () => (made ??= make().catch((err) => {
    made = null;
    throw err;
  }));
}

// addStyles puts a style sheet into the page and waits until it applies.
export function addStyles(href) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => {
      link.remove();
      reject(new Error(href));
    });
    document.head.append(link);
  });
}
