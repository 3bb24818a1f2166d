/** A depth map as a surface that can be turned. */
import { type DepthResult, meshOf } from "@tessera-ml/depth/outputs";
import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  Mesh,
  MeshBasicMaterial,
  PerspectiveCamera,
  Scene,
  Spherical,
  SRGBColorSpace,
  Texture,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";

/** Radians for an arrow key. */
const TURN = 0.08;
const NEARER = 0.9;

export class ReliefScene {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(50, 4 / 3, 0.01, 1000);
  readonly #controls: OrbitControls;
  readonly #resized: ResizeObserver;
  readonly #canvas: HTMLCanvasElement;
  #mesh: Mesh<BufferGeometry, MeshBasicMaterial> | undefined;
  #size: { readonly width: number; readonly height: number } | undefined;

  /** @throws Error if the browser has no WebGL */
  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    try {
      this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    } catch {
      throw new Error("This browser has no WebGL, which the relief needs.");
    }
    this.#controls = new OrbitControls(this.#camera, canvas);
    this.#controls.addEventListener("change", () => this.#draw());
    this.#resized = new ResizeObserver(() => this.#fit());
    this.#resized.observe(canvas);
  }

  /** Replaces the surface, and returns its number of triangles. A new size of picture resets the view. */
  async show(result: DepthResult, url: string): Promise<number> {
    const { positions, places, triangles } = meshOf(result);
    if (triangles.length === 0) throw new Error("The map has no connected surface to show.");
    const image = document.createElement("img");
    image.src = url;
    await image.decode();
    const texture = new Texture(image);
    texture.colorSpace = SRGBColorSpace;
    // Places count from the upper left corner.
    texture.flipY = false;
    texture.needsUpdate = true;
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positions, 3));
    geometry.setAttribute("uv", new BufferAttribute(places, 2));
    geometry.setIndex(new BufferAttribute(triangles, 1));
    this.#drop();
    this.#mesh = new Mesh(geometry, new MeshBasicMaterial({ map: texture, side: DoubleSide }));
    this.#scene.add(this.#mesh);
    this.#frame(result, positions);
    return triangles.length / 3;
  }

  /** The view of the camera that took the picture. */
  reset(): void {
    this.#controls.reset();
    this.#draw();
  }

  /** Whether the key means something here. */
  press(key: string): boolean {
    const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (turn) this.#move(TURN * turn[0]!, TURN * turn[1]!, 1);
    else if (key === "+" || key === "=") this.#move(0, 0, NEARER);
    else if (key === "-") this.#move(0, 0, 1 / NEARER);
    else if (key === "0" || key === "Home") this.reset();
    else return false;
    return true;
  }

  close(): void {
    this.#resized.disconnect();
    this.#controls.dispose();
    this.#drop();
    this.#renderer.dispose();
  }

  #move(theta: number, phi: number, scale: number): void {
    const { target } = this.#controls;
    const around = new Spherical().setFromVector3(this.#camera.position.clone().sub(target));
    around.theta += theta;
    around.phi += phi;
    around.radius *= scale;
    this.#camera.position.copy(target).add(new Vector3().setFromSpherical(around.makeSafe()));
    this.#controls.update();
    this.#draw();
  }

  /** The camera stands where the picture was taken and turns around what is in the middle of the depths. */
  #frame({ width, height, camera }: DepthResult, positions: Float32Array): void {
    const depths = Float32Array.from(
      { length: positions.length / 3 },
      (_, i) => -positions[3 * i + 2]!,
    ).sort();
    const middle = depths[depths.length >> 1]!;
    // Sky may be hundreds of metres away.
    const far = depths[Math.floor(depths.length * 0.99)]!;
    this.#camera.near = depths[0]! / 50;
    this.#camera.far = Math.max(20 * far, 4 * depths.at(-1)!);
    this.#camera.fov = (2 * Math.atan(height / (2 * camera.focalLength)) * 180) / Math.PI;
    const same = this.#size?.width === width && this.#size.height === height;
    this.#size = { width, height };
    this.#canvas.style.aspectRatio = `${width} / ${height}`;
    this.#controls.minDistance = middle / 20;
    this.#controls.maxDistance = 10 * far;
    if (!same || Math.abs(this.#controls.target.z + middle) > 0.2 * middle) {
      this.#camera.position.set(0, 0, 0);
      this.#controls.target.set(0, 0, -middle);
      this.#controls.update();
      this.#controls.saveState();
    }
    this.#fit();
  }

  #fit(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#renderer.setPixelRatio(Math.min(2, devicePixelRatio));
    this.#renderer.setSize(clientWidth, clientHeight, false);
    this.#camera.aspect = clientWidth / clientHeight;
    this.#camera.updateProjectionMatrix();
    this.#draw();
  }

  #draw(): void {
    this.#renderer.render(this.#scene, this.#camera);
  }

  #drop(): void {
    if (!this.#mesh) return;
    this.#scene.remove(this.#mesh);
    this.#mesh.geometry.dispose();
    this.#mesh.material.map?.dispose();
    this.#mesh.material.dispose();
    this.#mesh = undefined;
  }
}
