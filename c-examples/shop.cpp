// A shop in C++, with alitv_pay.hpp: shows the code as text, buys, stores the goods once.
//
//   shop GOODS ORDER_ID AMOUNT_FEN
//
// Uses the daemon. Exit: 0 paid, 1 not paid, 2 trouble. Built without exceptions and RTTI, as
// many engines are.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "alitv_pay.hpp"
#include "goods.h"

namespace {

void draw(const alitv::Modules &code) {
  // Two rows of modules in one line of text, dark on light.
  static const char *const kHalves[] = {"\u2588", "\u2580", "\u2584", " "};
  for (std::uint32_t y = 0; y < code.side; y += 2) {
    for (std::uint32_t x = 0; x < code.side; ++x) {
      const bool upper = code.is_dark(x, y);
      const bool lower = y + 1 < code.side && code.is_dark(x, y + 1);
      std::fputs(kHalves[(upper ? 2 : 0) + (lower ? 1 : 0)], stdout);
    }
    std::fputs("\n", stdout);
  }
}

class Shop : public alitv::Listener {
 public:
  Shop(const char *goods, const char *order_id) : goods_(goods), order_id_(order_id) {}

  bool over() const { return over_; }
  bool bought() const { return bought_; }

  void on_qr(const alitv_event &event) override {
    alitv::Modules code;
    if (alitv::qr_encode(event.qr_text, &code)) draw(code);
    std::printf("qr %s %s (%u s)\n", event.order_id, event.qr_text, unsigned(event.expires_s));
    std::fflush(stdout);
  }

  bool on_pay_success(const alitv_event &event) override {
    if (!goods_store(goods_, event.order_id, event.title)) return false;
    std::printf("paid %s\n", event.order_id);
    for (const alitv_award &award : alitv::awards(event)) std::printf("won %s\n", award.name);
    settle(event, true);
    return true;
  }

  void on_pay_cancel(const alitv_event &event) override { settle(event, false); }

  void on_pay_error(alitv_result code, const char *text, const alitv_event &event) override {
    std::printf("%s %s: %s\n", alitv_result_name(code), event.order_id, text);
    settle(event, false);
  }

 private:
  void settle(const alitv_event &event, bool paid) {
    if (order_id_ != event.order_id) return;
    over_ = true;
    bought_ = paid;
  }

  const char *goods_;
  std::string order_id_;
  bool over_ = false;
  bool bought_ = false;
};

int trouble(const std::string &why) {
  std::fprintf(stderr, "shop: %s\n", why.c_str());
  return 2;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4) return trouble("usage: shop GOODS ORDER_ID AMOUNT_FEN");
  Shop shop(argv[1], argv[2]);
  alitv::Client client; // closed before the shop is gone
  const alitv::Result opened = client.open(alitv::Options());
  if (!opened) return trouble(opened.why());
  const alitv::Result listening = client.set_listener(&shop);
  if (!listening) return trouble(listening.why());

  alitv::PayParams params;
  params.order_id = argv[2];
  params.title = "60 gems";
  params.subject_id = "gem60";
  params.amount_fen = std::strtoll(argv[3], nullptr, 10);
  const alitv::Asked asked = client.pay(params);
  if (!asked) return trouble(asked.why());

  while (!shop.over()) {
    if (client.dispatch(1000) < 0) return trouble(alitv_last_error());
  }
  return shop.bought() ? 0 : 1;
}
