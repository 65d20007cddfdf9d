@rem For npm scripts that begin with exec: the shells of other systems have it, cmd has not, and finds this.
@%*
