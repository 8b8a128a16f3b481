# Put the installed programs first in the PATH of login shells: KubeRay starts Ray in one, and it
# sets PATH anew.
PATH=/opt/alignsearch/bin:$PATH
