package register

// mostIncidents is how many reasons a pause keeps. Beyond it, the second oldest is dropped; the audit has all.
const mostIncidents = 100
