// The C++ wrapper: who owns what, what errors say, who is called and who acknowledges.
#include "alitv_pay.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      std::fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
                   alitv_last_error());                                     \
      std::exit(1);                                                         \
    }                                                                       \
  } while (0)

namespace {

static_assert(!std::is_copy_constructible<alitv::Client>::value, "move-only");
static_assert(!std::is_copy_assignable<alitv::Client>::value, "move-only");
static_assert(std::is_nothrow_move_constructible<alitv::Client>::value, "move-only");
static_assert(std::is_nothrow_move_assignable<alitv::Client>::value, "move-only");

const int kLongMs = 30000;  // generous: nothing here may depend on the speed of the machine

alitv::PayParams gems(const char *order_id) {
  alitv::PayParams params;
  params.order_id = order_id;
  params.title = "60 gems";
  params.amount_fen = 600;
  return params;
}

alitv::Client open_client() {
  alitv::Client client;
  const alitv::Result opened = client.open(alitv::Options());
  CHECK(opened && opened.why().empty() && client.is_open());
  return client;
}

const alitv_event &await_kind(alitv::Client &client, alitv_event_kind kind) {
  for (;;) {
    alitv::Result result;
    const alitv_event *event = client.next_event(kLongMs, &result);
    CHECK(event && result);
    if (event->kind == kind) return *event;
  }
}

void ownership() {
  alitv::Client first = open_client();
  alitv_client *handle = first.get();
  alitv::Client second(std::move(first));
  CHECK(!first.is_open() && second.get() == handle && alitv_fd(handle) >= 0);
  alitv::Client third = open_client();
  alitv_client *gone = third.get();
  third = std::move(second);
  CHECK(third.get() == handle && alitv_fd(gone) == ALITV_E_HANDLE);
  alitv::Client &same = third;
  third = std::move(same);
  CHECK(third.get() == handle && third.fd() >= 0);
  third.close();
  CHECK(!third.is_open() && alitv_fd(handle) == ALITV_E_HANDLE);
  third.close();
}

void errors() {
  alitv::Client closed;
  const alitv::Asked never = closed.pay(gems("A"));
  CHECK(!never && never.code() == ALITV_E_NULL && !never.follows() && never.id().empty());
  alitv::Options embedded;
  embedded.mode = ALITV_MODE_EMBEDDED;
  const alitv::Result opened = closed.open(embedded);
  CHECK(!opened && opened.why().find("app_key") != std::string::npos && !closed.is_open());

  alitv::Client client = open_client();
  alitv::PayParams params = gems("A");
  params.amount_fen = 0;
  const alitv::Asked asked = client.pay(params);
  CHECK(asked.code() == ALITV_E_INVALID && std::strcmp(asked.name(), "ALITV_E_INVALID") == 0);
  CHECK(asked.why().find("amount_fen") != std::string::npos);
  params = gems("A");
  params.title = std::string(10000, 'x');
  CHECK(client.pay(params).code() == ALITV_E_STRING);
  params.title = std::string("60\0gems", 7);
  const alitv::Asked half = client.pay(params);
  CHECK(half.code() == ALITV_E_STRING && half.why().find("title") != std::string::npos);
  CHECK(client.cancel(std::string("A\0B", 3)).code() == ALITV_E_STRING);
  CHECK(client.pay_from_server(gems("A")).code() == ALITV_E_NULL);
  CHECK(client.repay(alitv::RepayParams()).code() < 0);
  CHECK(client.lottery_draw(alitv::DrawParams()).code() == ALITV_E_NULL);
  CHECK(client.gift_take(0).code() == ALITV_E_INVALID);
  CHECK(client.auth(7).code() == ALITV_E_INVALID);
  alitv::WebParams page;
  page.params["a"] = std::string(513, 'x');
  CHECK(client.web_open(page).code() == ALITV_E_STRING);
  CHECK(client.web_closed("").code() == ALITV_E_STRING);
  CHECK(client.log_switch(9).code() == ALITV_E_INVALID);
  CHECK(!client.is_auth());
#ifdef ALITV_EXCEPTIONS
  try {
    client.pay(params).or_throw();
    CHECK(false);
  } catch (const alitv::Exception &error) {
    CHECK(std::strstr(error.what(), "ALITV_E_STRING: title"));
    CHECK(error.result().code() == ALITV_E_STRING);
  }
#endif
}

void pulled() {
  alitv::Client client = open_client();
  await_kind(client, ALITV_EVENT_ONLINE);
  const alitv::Asked listed = client.orders();
  CHECK(listed.follows());
  const alitv_event &event = await_kind(client, ALITV_EVENT_ORDERS);
  CHECK(event.op == listed.op());
  std::size_t seen = 0;
  for (const alitv_order &order : alitv::orders(event)) {
    CHECK(std::strcmp(order.order_id, "left") == 0 && alitv::awards(order).empty());
    ++seen;
  }
  CHECK(seen == 1 && alitv::orders(event).size() == 1 && alitv::gifts(event).empty());
  for (const alitv_award &award : alitv::awards(event)) CHECK(!award.name);
  const alitv::Asked paid = client.pay(gems(""));
  CHECK(paid && paid.id().size() > 20);
  const alitv_event *told = &await_kind(client, ALITV_EVENT_ORDER);
  while (told->state != ALITV_STATE_PAID) told = &await_kind(client, ALITV_EVENT_ORDER);
  CHECK(paid.id() == told->order_id);
  CHECK(client.ack(told->order_id, told->sequence).follows());
  CHECK(client.request("status", "{}", 7));
  while (await_kind(client, ALITV_EVENT_REPLY).tag != 7) continue;
  CHECK(client.interrupt());
}

struct Shop : alitv::Listener {
  int online = 0, qrs = 0, paid = 0, events = 0, errors = 0;
  bool store = true;
  bool close = false;
  alitv::Client *client = nullptr;

  void on_event(const alitv_event &) override { ++events; }
  void on_init_finish() override { ++online; }
  void on_qr(const alitv_event &event) override {
    alitv::Modules code;
    CHECK(alitv::qr_encode(event.qr_text, &code) && code.side >= 21);
    CHECK(code.is_dark(0, 0) && !code.is_dark(0, 7));
    ++qrs;
  }
  bool on_pay_success(const alitv_event &event) override {
    CHECK(event.state == ALITV_STATE_PAID && event.amount_fen == 600);
    ++paid;
#ifdef ALITV_EXCEPTIONS
    if (!store) throw 7;
#endif
    if (close) client->close();
    return store;
  }
  void on_pay_error(alitv_result code, const char *text, const alitv_event &event) override {
    CHECK(code == ALITV_E_CONFLICT && *text && event.amount_fen == 600);
    ++errors;
  }
};

void listened() {
  Shop shop;
  alitv::Client client = open_client();
  CHECK(client.set_listener(&shop));
  CHECK(client.pay(gems("left"))); // exists with another amount
  while (!shop.errors) CHECK(client.dispatch(kLongMs) >= 0);
  CHECK(shop.online == 1);

  shop.store = false;
  CHECK(client.pay(gems("told-again")));
#ifdef ALITV_EXCEPTIONS
  bool thrown = false;
  while (!thrown) {
    try {
      CHECK(client.dispatch(kLongMs) >= 0);
    } catch (int number) {
      thrown = number == 7;
    }
  }
#else
  while (!shop.paid) CHECK(client.dispatch(kLongMs) >= 0);
#endif
  CHECK(shop.paid == 1);
  // Not stored, so a new client is told again, and stores.
  client = open_client();
  shop.store = shop.close = true;
  shop.client = &client;
  CHECK(client.set_listener(&shop));
  while (client.is_open()) CHECK(client.dispatch(kLongMs) >= 0);
  CHECK(shop.paid == 2 && shop.online == 2 && shop.events > 4);
  CHECK(client.dispatch(0) == ALITV_E_NULL);
}

}  // namespace

int main() {
  ownership();
  errors();
  pulled();
  listened();
  return 0;
}
