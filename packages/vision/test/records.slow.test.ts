/** Every named checkpoint resolves to its network, and costs agree with published figures. */
import { expect, test } from "vitest";
import { costOf, inputShapeOf, labelsOf, networks, parseLabels } from "../src/index.ts";
import { classifierRecords } from "../src/records/index.ts";

const records = classifierRecords();

test.each(records.map((record) => [record.name, record] as const))("%s", (_, record) => {
  if (record.params !== undefined) expect(costOf(record).params).toBe(record.params);
  expect(labelsOf(record.classes)).toHaveLength(record.classes.count);
  expect(inputShapeOf(record)[1]).toBe(networks.ofRecord(record).network.channels);
});

/** Published GMACs of torchvision's and timm's networks. */
test.each([
  ["alexnet.tv_in1k_v1", 0.714],
  ["vgg16.tv_in1k_v1", 15.47],
  ["vgg19_bn.tv_in1k_v1", 19.632],
  ["googlenet.tv_in1k_v1", 1.498],
  ["resnet18.tv_in1k_v1", 1.814],
  ["resnet50.tv_in1k_v2", 4.089],
  ["densenet121.tv_in1k_v1", 2.834],
  ["mobilenet_v2.tv_in1k_v2", 0.301],
  ["vit_b_16.tv_in1k_v1", 17.564],
  ["convnext_tiny.tv_in1k_v1", 4.456],
  ["legacy_senet154.in1k", 20.69],
])("%s takes %d GMAC", (name, published) => {
  const record = records.find((one) => one.name === name);
  if (!record) throw new Error(`no record ${name}`);
  expect(costOf({ ...record, preprocessing: at224(record.preprocessing) }).macs / 1e9).toBeCloseTo(
    published,
    2,
  );
});

function at224<T extends { crop?: readonly [number, number] }>(preprocessing: T): T {
  return { ...preprocessing, crop: [224, 224] };
}

test("names from other sources", () => {
  expect(networks.find("timm/deit_small_patch16_224").network.name).toBe("vit_small_patch16_224");
  expect(networks.find("timm/legacy_seresnet50").network.name).toBe("seresnet50");
  const gluon = networks.find("timm/senet154");
  expect(gluon.network.name).toBe("senet154");
  expect(gluon.naming.keyOf("layer0.conv3.weight")).toBe("conv1.6.weight");
  expect(gluon.naming.keyOf("layer2.0.se_module.fc1.bias")).toBe("layer2.0.se.fc1.bias");
  expect(() => networks.ofRecord({ source: "timm", network: "resnet51" })).toThrow(
    'no network is called "timm/resnet51". Did you mean timm/resnet50',
  );
});

test("labels", () => {
  const imagenet = labelsOf({ count: 1000, labels: "imagenet-1k" });
  expect([imagenet[0], imagenet[340], imagenet[999]]).toEqual(["tench", "zebra", "toilet tissue"]);
  expect(labelsOf({ count: 1001, labels: "imagenet-1k+background" })[341]).toBe("zebra");
  expect(() => labelsOf({ count: 12, labels: "digits" })).toThrow(
    "labels digits: expected 10 classes, got 12",
  );
});

test("custom labels: lines, a list, by index, by name", () => {
  for (const text of [
    "cat\ndog\n",
    "\ufeffcat\r\n dog \r\n",
    '["cat", "dog"]',
    '{"1": "dog", "0": "cat"}',
    '{"cat": 0, "dog": 1}',
  ])
    expect(parseLabels(text, "l.txt"), text).toEqual(["cat", "dog"]);
  expect(() => parseLabels(" \n", "l.txt")).toThrow("l.txt: expected labels, got an empty file");
  expect(() => parseLabels("[1", "l.txt")).toThrow("l.txt: expected labels as JSON");
  expect(() => parseLabels('{"0": "cat", "2": "dog"}', "l.txt")).toThrow(
    "l.txt: expected a label for each class from 0 to 1, none for 1",
  );
  expect(() => parseLabels('["cat", null]', "l.txt")).toThrow("none for 1");
});
