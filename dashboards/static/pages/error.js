// The page of an error, which the server renders.

import "../lib/shell.js";
