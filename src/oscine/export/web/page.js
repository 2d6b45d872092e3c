// The page: the element, and a service worker, by which the page opens without a network once it was loaded.

import "./oscine-instrument.js";

// Without it (of a page by plain http, say) the page plays all the same.
navigator.serviceWorker?.register(new URL("./service-worker.js", import.meta.url)).catch(() => {});
