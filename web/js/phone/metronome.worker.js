// A second's beat. The timers of a hidden page run once a minute, those of its worker go on.
setInterval(() => postMessage(null), 1000);
