/* A disk that takes 2 ms longer for each sync:
 *   cc -shared -fPIC -o slow-sync.so bench/slow-sync.c -ldl
 *   LD_PRELOAD=$PWD/slow-sync.so npm run bench -- --only append --only door
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

static int slow(const char *name, int fd) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  usleep(2000);
  return sync(fd);
}

int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
