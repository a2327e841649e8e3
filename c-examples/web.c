/* A page of the platform. The library shows nothing: it says which URL the host has to open,
 * and the host says when the player has closed it.
 *
 *   web start|custom|exit [NAME=VALUE]...
 *
 * In place of a browser it prints the URL and waits for Return, or for the end of its input.
 * Uses the daemon. Exit: 0 it was shown and closed, 1 there is no such page, 2 trouble. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alitv_pay.h"

#define PARAMS_MAX 32

struct game {
  alitv_web_params params;
  char web_id[65];
  int asked;
  int over;
  int status;
};

static void finish(struct game *game, int status) {
  game->over = 1;
  game->status = status;
}

static void open_browser(const char *url, const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  snprintf(game->web_id, sizeof game->web_id, "%s", event->web->web_id);
  printf("open %s\n", url);
  fflush(stdout);
}

/* Exactly once for each page that was promised: also if the engine refused it after all. */
static void close_browser(const alitv_event *event, void *user_data) {
  printf("close, %s\n", alitv_result_name(event->result));
  finish(user_data, event->web ? 0 : 2);
}

static const char *const kinds[] = {"start", "custom", "exit"};

static int read_arguments(int argc, char **argv, struct game *game, const char **keys,
                          const char **values) {
  int i;
  ALITV_STRUCT_INIT(&game->params);
  for (i = 0; i < 3 && argc > 1; i++)
    if (strcmp(argv[1], kinds[i]) == 0) game->params.kind = (uint32_t)i + ALITV_WEB_START;
  if (!game->params.kind || argc - 2 > PARAMS_MAX) return 0;
  for (i = 2; i < argc; i++) {
    char *sign = strchr(argv[i], '=');
    if (!sign) return 0;
    *sign = '\0';
    keys[i - 2] = argv[i];
    values[i - 2] = sign + 1;
  }
  game->params.keys = keys;
  game->params.values = values;
  game->params.params_len = (uint32_t)(argc - 2);
  return 1;
}

/* Which pages there are is not known before the engine has asked the platform: try again. */
static void try_to_open(alitv_client *client, struct game *game) {
  int shown = alitv_web_open(client, &game->params, 0, NULL);
  if (shown == ALITV_E_NOT_READY) return;
  game->asked = 1;
  if (shown == 1) return;
  if (shown < 0) fprintf(stderr, "web: %s\n", alitv_last_error());
  if (shown == 0) printf("there is no such page\n");
  finish(game, shown == 0 ? 1 : 2);
}

/* Waits for the engine and, while the page is open, for the player. */
static void wait_for_both(alitv_client *client, struct game *game) {
  struct pollfd watched[2];
  char line[64];
  watched[0].fd = alitv_fd(client);
  watched[1].fd = *game->web_id ? 0 : -1;
  watched[0].events = watched[1].events = POLLIN;
  watched[1].revents = 0;
  if (poll(watched, 2, 1000) < 0 || alitv_dispatch(client, 0) < 0) finish(game, 2);
  if (!watched[1].revents || game->over) return;
  if (read(0, line, sizeof line) < 0 ||
      alitv_web_closed(client, game->web_id, 0, NULL) != ALITV_OK)
    finish(game, 2);
  *game->web_id = '\0';
}

int main(int argc, char **argv) {
  struct game game = {0};
  const char *keys[PARAMS_MAX], *values[PARAMS_MAX];
  alitv_options options;
  alitv_callbacks callbacks;
  alitv_client *client = NULL;
  if (!read_arguments(argc, argv, &game, keys, values)) {
    fprintf(stderr, "usage: web start|custom|exit [NAME=VALUE]...\n");
    return 2;
  }
  ALITV_STRUCT_INIT(&options);
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_web_open = open_browser;
  callbacks.on_web_close = close_browser;
  if (alitv_init(&options, &client) != ALITV_OK ||
      alitv_set_callbacks(client, &callbacks, &game) != ALITV_OK) {
    fprintf(stderr, "web: %s\n", alitv_last_error());
    finish(&game, 2);
  }
  while (!game.over) {
    if (!game.asked) try_to_open(client, &game);
    if (!game.over) wait_for_both(client, &game);
  }
  alitv_destroy(client);
  return game.status;
}
