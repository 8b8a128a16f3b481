// The description of the JSON API is plain text.

import "./shell.js";
