/* A thousand clients come and go: no descriptor and no thread is left, or ever made. */
#include "check.h"

#include <dirent.h>

static int entries(const char *path) {
  DIR *directory = opendir(path);
  int count = 0;
  CHECK(directory != NULL);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

int main(void) {
  int descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task"), i;
  for (i = 0; i < 1000; i++) {
    alitv_client *client = open_client();
    if (i % 50 == 0) await_kind(client, ALITV_EVENT_ONLINE);
    if (i == 500) CHECK(entries("/proc/self/task") == threads);
    if (i == 500) CHECK(entries("/proc/self/fd") <= descriptors + 5);
    alitv_destroy(client);
  }
  CHECK(entries("/proc/self/fd") == descriptors);
  CHECK(entries("/proc/self/task") == threads);
  return 0;
}
