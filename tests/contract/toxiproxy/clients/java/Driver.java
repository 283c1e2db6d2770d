// Drives a fault proxy with toxiproxy-java; see ../driver.py.

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import eu.rekawek.toxiproxy.Proxy;
import eu.rekawek.toxiproxy.ToxiproxyClient;
import eu.rekawek.toxiproxy.model.Toxic;
import eu.rekawek.toxiproxy.model.ToxicDirection;
import eu.rekawek.toxiproxy.model.ToxicList;
import eu.rekawek.toxiproxy.model.toxic.Bandwidth;
import eu.rekawek.toxiproxy.model.toxic.Latency;
import eu.rekawek.toxiproxy.model.toxic.LimitData;
import eu.rekawek.toxiproxy.model.toxic.ResetPeer;
import eu.rekawek.toxiproxy.model.toxic.Slicer;
import eu.rekawek.toxiproxy.model.toxic.SlowClose;
import eu.rekawek.toxiproxy.model.toxic.Timeout;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

public class Driver {
  private static final Gson JSON = new GsonBuilder().serializeNulls().create();
  private final ToxiproxyClient server;

  // A new one for each request: the client keeps the proxies that it has seen, and its reset fails
  // for one that was deleted by someone else.
  Driver(URI api) {
    server = new ToxiproxyClient(api.getHost(), api.getPort());
  }

  public static void main(String[] arguments) throws IOException {
    URI api = URI.create(arguments[0]);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Map<String, Object> answer = new LinkedHashMap<>();
      try {
        answer.put("ok", new Driver(api).answer(JSON.fromJson(line, JsonObject.class)));
      } catch (IOException | RuntimeException error) {
        answer.put("error", error.toString());
      }
      System.out.println(JSON.toJson(answer));
    }
  }

  private Object answer(JsonObject asked) throws IOException {
    switch (text(asked, "do")) {
      case "version":
        return server.version();
      case "proxies":
        return server.getProxies().stream().map(Proxy::getName).sorted().toArray();
      case "create":
        return fields(
            server.createProxy(
                text(asked, "name"), text(asked, "listen"), text(asked, "upstream")));
      case "reset":
        server.reset();
        return null;
      case "add_toxic":
        add(server.getProxy(text(asked, "proxy")).toxics(), asked.getAsJsonObject("toxic"));
        return null;
      case "toxic":
        return fields(server.getProxy(text(asked, "proxy")).toxics().get(text(asked, "name")));
      case "update_toxic":
        update(server.getProxy(text(asked, "proxy")).toxics().get(text(asked, "name")), asked);
        return null;
      case "remove_toxic":
        server.getProxy(text(asked, "proxy")).toxics().get(text(asked, "name")).remove();
        return null;
      default:
        return answer(server.getProxy(text(asked, "name")), asked);
    }
  }

  private Object answer(Proxy proxy, JsonObject asked) throws IOException {
    switch (text(asked, "do")) {
      case "change":
        if (asked.has("listen")) {
          proxy.setListen(text(asked, "listen"));
        }
        if (asked.has("upstream")) {
          proxy.setUpstream(text(asked, "upstream"));
        }
        break;
      case "disable":
        proxy.disable();
        break;
      case "enable":
        proxy.enable();
        break;
      case "delete":
        proxy.delete();
        return null;
      default: // it is only shown
    }
    return fields(proxy);
  }

  private static void add(ToxicList toxics, JsonObject toxic) throws IOException {
    String name = text(toxic, "name");
    ToxicDirection stream =
        ToxicDirection.valueOf(text(toxic, "stream").toUpperCase(Locale.ROOT));
    JsonObject attributes = toxic.getAsJsonObject("attributes");
    Toxic added;
    switch (text(toxic, "type")) {
      case "bandwidth":
        added = toxics.bandwidth(name, stream, number(attributes, "rate"));
        break;
      case "latency":
        Latency latency = toxics.latency(name, stream, number(attributes, "latency"));
        added = latency.setJitter(number(attributes, "jitter"));
        break;
      case "limit_data":
        added = toxics.limitData(name, stream, number(attributes, "bytes"));
        break;
      case "reset_peer":
        added = toxics.resetPeer(name, stream, number(attributes, "timeout"));
        break;
      case "slicer":
        Slicer slicer =
            toxics.slicer(
                name, stream, number(attributes, "average_size"), number(attributes, "delay"));
        added = slicer.setSizeVariation(number(attributes, "size_variation"));
        break;
      case "slow_close":
        added = toxics.slowClose(name, stream, number(attributes, "delay"));
        break;
      case "timeout":
        added = toxics.timeout(name, stream, number(attributes, "timeout"));
        break;
      default:
        throw new IllegalArgumentException("the client has no such toxic: " + toxic);
    }
    added.setToxicity(toxic.get("toxicity").getAsFloat());
  }

  private static void update(Toxic toxic, JsonObject asked) throws IOException {
    JsonObject attributes = asked.getAsJsonObject("attributes");
    if (toxic instanceof Latency) {
      ((Latency) toxic).setLatency(number(attributes, "latency"));
    } else if (toxic instanceof Bandwidth) {
      ((Bandwidth) toxic).setRate(number(attributes, "rate"));
    } else {
      throw new IllegalArgumentException("no test updates this toxic: " + toxic);
    }
    toxic.setToxicity(asked.get("toxicity").getAsFloat());
  }

  private static Map<String, Object> fields(Proxy proxy) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", proxy.getName());
    fields.put("listen", proxy.getListen());
    fields.put("upstream", proxy.getUpstream());
    fields.put("enabled", proxy.isEnabled());
    return fields;
  }

  private static Map<String, Object> fields(Toxic toxic) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", toxic.getName());
    fields.put("stream", toxic.getStream().name().toLowerCase(Locale.ROOT));
    fields.put("toxicity", toxic.getToxicity());
    fields.put("attributes", attributes(toxic));
    return fields;
  }

  private static Map<String, Long> attributes(Toxic toxic) {
    if (toxic instanceof Bandwidth) {
      return Map.of("rate", ((Bandwidth) toxic).getRate());
    } else if (toxic instanceof Latency) {
      Latency latency = (Latency) toxic;
      return Map.of("latency", latency.getLatency(), "jitter", latency.getJitter());
    } else if (toxic instanceof LimitData) {
      return Map.of("bytes", ((LimitData) toxic).getBytes());
    } else if (toxic instanceof ResetPeer) {
      return Map.of("timeout", ((ResetPeer) toxic).getTimeout());
    } else if (toxic instanceof Slicer) {
      Slicer slicer = (Slicer) toxic;
      return Map.of(
          "average_size", slicer.getAverageSize(),
          "size_variation", slicer.getSizeVariation(),
          "delay", slicer.getDelay());
    } else if (toxic instanceof SlowClose) {
      return Map.of("delay", ((SlowClose) toxic).getDelay());
    }
    return Map.of("timeout", ((Timeout) toxic).getTimeout());
  }

  private static String text(JsonObject object, String key) {
    return object.get(key).getAsString();
  }

  private static long number(JsonObject object, String key) {
    return object.get(key).getAsLong();
  }
}
