// The page of the JSON API's description, which the server renders.

import "../lib/shell.js";
