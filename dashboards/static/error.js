// What could not be shown: the page says so by itself.

import "./shell.js";
