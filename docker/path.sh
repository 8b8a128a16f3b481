# Login shells, which KubeRay starts Ray in, make their PATH anew: what is installed comes first.
PATH=/opt/alignsearch/bin:$PATH
